"""Where answers come from: the OpenAI SDK and the simulated provider."""
