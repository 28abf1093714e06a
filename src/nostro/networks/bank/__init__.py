"""A bank, simulated: `bank` takes files, `day` lets time pass, and everything else is what they speak of.

`intake` reads files, `order` is what they ask for, `judge` checks it, `fate` is what becomes of each instruction and
`reason` the codes of all schemes; `account` holds the books, `answer` and `paper` are the files that go out, `post` the
faults on their way, `state` all there is to keep.
"""
