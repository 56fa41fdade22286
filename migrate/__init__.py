"""prompt-migrate: move production prompts from one language model to another without breaking users."""

__version__ = "0.1.0"
__all__ = ["__version__"]
