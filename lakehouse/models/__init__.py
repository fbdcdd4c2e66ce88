"""Models: trained, registered, judged by a gate, kept as ONNX, and scored in the engine."""
