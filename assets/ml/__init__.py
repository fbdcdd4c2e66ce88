"""Models and what they say: trained on gold, logged, judged and asked in the engine."""
