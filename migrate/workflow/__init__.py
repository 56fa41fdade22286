"""The verbs: record, replay, and the engine both share."""
