"""Delta tables behind one audited door."""
