"""What the simulator is made of: who wears the bracelets, and what goes wrong on the way."""
