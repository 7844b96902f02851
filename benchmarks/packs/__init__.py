"""How long whole scans take: with packs, one point a job, and with what people use instead."""
