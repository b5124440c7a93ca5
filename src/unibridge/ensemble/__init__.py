"""Several sources as one model: weighted, merged, distilled, or trained further on a few labels."""
