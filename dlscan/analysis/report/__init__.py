"""One page about scans that needs nothing but a browser: words, table, pictures, configuration, provenance.

`build.report` writes it. What stands in it is found by `facts`, `states`, `compare`, `effects` and
`sources`, said in words by `summary` and `captions`, and made into markup by `models`, `pictures`,
`sections` and `page`.
"""
