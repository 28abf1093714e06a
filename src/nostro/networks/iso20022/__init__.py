"""ISO 20022: orders to a bank (pain.001, pain.008), its answers (pain.002) and its statements (camt.052, 053, 054).

`reading` takes XML apart as a stream, `writing` puts it together, `parties` are the people and accounts that all
messages name; then one file a message. The namespace of a file says which message and version it is.
"""
