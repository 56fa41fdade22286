"""An in-memory purse that mirrors `ports.Purse`."""

from __future__ import annotations


class FakePurse:
    """Holds a cap and remembers what was reserved and spent."""

    def __init__(self, cap: int | None = None) -> None:
        self.cap, self.reserved, self.spent, self.paused_until = cap, 0, 0, 0.0
        self.most_reserved = 0

    def reserve(self, amount: int) -> bool:
        if self.cap is not None and self.spent + self.reserved + amount > self.cap:
            return False
        self.reserved += amount
        self.most_reserved = max(self.most_reserved, self.spent + self.reserved)
        return True

    def settle(self, reserved: int, spent: int) -> None:
        self.reserved -= reserved
        self.spent += spent

    def pause(self, until: float) -> None:
        self.paused_until = max(self.paused_until, until)
