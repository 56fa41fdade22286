"""Every place that touches the world; rooms that do not know each other."""
