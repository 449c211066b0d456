# SPDX-License-Identifier: LGPL-2.1-or-later
"""A client that is put into one unit after another: moves.py SOCKET CGROUP UNIT... Prints the unit that the agent sees each time.

CGROUP is the directory of a cgroup whose processes may be moved. All is asked over one connection.
"""
import os
import re
import sys

from wire import EXPLAIN, R_EXPLAIN, Connection, integer, request, sequence

path, cgroup, units = sys.argv[1], sys.argv[2], sys.argv[3:]
connection = Connection(path).greet()
seen = []
for number, unit in enumerate(units, 2):
    os.makedirs(f'{cgroup}/{unit}', exist_ok=True)
    with open(f'{cgroup}/{unit}/cgroup.procs', 'w') as processes:
        processes.write(str(os.getpid()))
    _, kind, body = connection.ask(request(number, EXPLAIN, sequence(integer(0), integer(0))))
    assert kind == R_EXPLAIN, kind
    seen.append(re.search(rb'unit ([^,]*),', body).group(1).decode())
print(*seen)
