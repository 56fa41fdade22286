"""An in-memory purse that mirrors `ports.Purse`."""

from __future__ import annotations

from migrate.vocabulary import NoReplyKind


class FakePurse:
    """Holds a cap and remembers what was reserved and spent."""

    def __init__(self, cap: int | None = None) -> None:
        self.cap, self.reserved, self.spent, self.paused_until = cap, 0, 0, 0.0
        self.most_reserved = 0
        self.stopped: NoReplyKind | None = None

    def reserve(self, amount: int) -> bool:
        if self.cap is not None and self.spent + self.reserved + amount > self.cap:
            return False
        self.reserved += amount
        self.most_reserved = max(self.most_reserved, self.spent + self.reserved)
        return True

    def could_hold(self, amount: int) -> bool:
        return self.cap is None or self.spent + amount <= self.cap

    def settle(self, reserved: int, spent: int) -> None:
        self.reserved -= reserved
        self.spent += spent

    def pause(self, until: float) -> None:
        self.paused_until = max(self.paused_until, until)

    def stop(self, kind: NoReplyKind) -> None:
        self.stopped = self.stopped or kind
