"""From a sentence in English or German to a typed brief: deterministic, without a model or a network."""
