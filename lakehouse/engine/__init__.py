"""The engine: sessions of it, and the settings that one piece of work wants."""
