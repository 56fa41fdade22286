from unittest.mock import patch

from app import triage


def test_classify():
    with patch.object(triage, "ask") as ask:
        triage.classify(object())
        assert ask.call_args.kwargs["model"] == "gpt-4o-mini"


def test_live(client):
    client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "ping"}])
