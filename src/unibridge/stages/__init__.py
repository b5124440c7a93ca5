"""Each stage of a method as folder in, folder out, and the journey that a method makes of them."""
