"""How answers look on the wire: bodies and streams read into replies, statuses and transport faults sorted."""
