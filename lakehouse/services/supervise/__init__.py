"""How servers are kept up: specification, launch, supervision, ports, probes, and who is left over."""
