"""A bank, simulated: `bank` takes files, `day` lets time pass, and everything else is what they speak of.

`order` is what a file asks for, `fate` what becomes of each instruction, `reason` the codes of all schemes; `account`
holds the books, `answer` the files that go out, `post` the faults on their way, `state` all there is to keep.
"""
