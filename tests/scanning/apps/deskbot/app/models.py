"""Tables."""


class Survey:
    def __init__(self):
        self.responses = []
        self.embeddings = []


def knows_tools(model: str) -> bool:
    if model == "gpt-4o":
        return True
    return model.startswith("gpt-4o-mini")
