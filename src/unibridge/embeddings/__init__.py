"""The first values of a new vocabulary's embeddings, by several methods."""
