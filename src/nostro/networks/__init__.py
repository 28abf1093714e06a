"""How a rail's messages leave and come back.

`test_cards` is data (every card number that integrations test with, and what each one does), `simulator` is
the card network as pure functions over that data. `nacha`, `iso20022`, `bacs`, `mt940`, `bai2` and `csv_statement`
build and read bank files, `ach_codes` says why ACH entries come back. `statement` is what a bank says of an account,
whatever the format, `file_error` the one way in which a file is refused. `bank` is a bank as pure functions, which
takes such files and answers them. Nothing here stores, waits or talks to anything.
"""
