# SPDX-License-Identifier: LGPL-2.1-or-later
"""Stands between clients and the agent and writes down which requests were answered: observer.py LISTEN AGENT LOG

Frames pass as they are. A line of the log is `SECONDS CONNECTION EVENT [ID KIND [CODE]]`, EVENT being request, answer, left (the
client closed) or lost (the agent did). Knows no more of the protocol than docs/protocol.asn1 says of the outside of messages.
"""
import asyncio
import os
import struct
import sys
import time

from wire import ERROR, error_code, parse, parts

listen, agent, path = sys.argv[1:]
log = open(path, 'a', buffering=1)
connections = 0


def note(connection, event, *more):
    print('%.3f' % time.monotonic(), connection, event, *more, file=log)


async def frames(reader):
    while True:
        try:
            head = await reader.readexactly(4)
            yield head, await reader.readexactly(struct.unpack('>I', head)[0])
        except (asyncio.IncompleteReadError, ConnectionError):
            return


def describe(event, message):
    fields = parts(parse(message)[1])
    kind = fields[1][0] & 0x1f
    code = [error_code(fields[1][1])] if event == 'answer' and kind == ERROR else []
    return [int.from_bytes(fields[0][1], 'big'), kind] + code


async def carry(number, event, source, target, ending):
    async for head, message in frames(source):
        note(number, event, *describe(event, message))
        target.write(head + message)
    note(number, ending)
    target.close()


async def serve(reader, writer):
    global connections
    connections += 1
    number = connections
    try:
        agent_reader, agent_writer = await asyncio.open_unix_connection(agent)
    except OSError:
        note(number, 'lost')
        writer.close()
        return
    await asyncio.gather(carry(number, 'request', reader, agent_writer, 'left'), carry(number, 'answer', agent_reader, writer, 'lost'))


async def main():
    server = await asyncio.start_unix_server(serve, listen)
    os.chmod(listen, 0o600)
    await server.serve_forever()

asyncio.run(main())
