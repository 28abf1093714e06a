"""How a rail's messages leave and come back.

`test_cards` is data (every card number that integrations test with, and what each one does), `simulator` is
the card network as pure functions over that data. `nacha` builds and reads ACH files, `ach_codes` says why entries
come back. `statement` is what a bank says of an account, whatever the
format. `bank` is a bank as pure functions, which takes such files and answers them. Nothing here stores, waits or talks
to anything.
"""
