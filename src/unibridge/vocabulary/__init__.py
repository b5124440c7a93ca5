"""How large a vocabulary should be, and the tokenizer of that size."""
