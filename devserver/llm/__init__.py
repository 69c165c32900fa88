"""Language models behind the OpenAI-compatible chat route: Ollama, llama.cpp, vLLM, LM Studio and hosted ones."""
