# SPDX-License-Identifier: LGPL-2.1-or-later
"""What `smime` says of a message, as test points: lines for points_of in tests/lib/lib.sh."""
import base64
import json
import os
import re
import subprocess


def one_line(text):
    return ' '.join(str(text).split())[:600]


class Judge:
    """folder: where messages are written; options: what every call of smime is given."""

    def __init__(self, folder, *options):
        self.folder, self.options, self.code, self.report = folder, list(options), 0, {}

    def point(self, good, text, detail=''):
        print('pass ' + text if good else 'fail %s :: %s' % (text, one_line(detail)), flush=True)

    def write(self, name, data):
        path = os.path.join(self.folder, name)
        with open(path, 'wb') as file:
            file.write(data)
        return path

    def run(self, *arguments):
        """Exit code, and the JSON document of standard output."""
        done = subprocess.run(['smime', *arguments], stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
        self.code, self.errors = done.returncode, done.stderr.decode(errors='replace')
        try:
            self.report = json.loads(done.stdout)
        except ValueError:
            self.report = {}
        return self.code

    def verify(self, message, *arguments, content=None, mail=False):
        options = ['--json', *self.options, *arguments] + ([] if mail else ['--cms'])
        if content is not None:
            options += ['--detached-content', self.write('content', content)]
        return self.run('verify', *options, self.write('message', message))

    def signers(self):
        return [signer for layer in self.report.get('layers', []) for signer in layer.get('signers', [])]

    def checks(self, outcomes, signer=None):
        """NAME: TEXT of every check that came out so."""
        chosen = self.signers() if signer is None else self.signers()[signer:signer + 1]
        return ['%s: %s' % (c['name'], c['text']) for s in chosen for c in s['checks'] if c['outcome'] in outcomes]

    def message(self):
        return (self.report.get('error') or self.report).get('message') or self.errors

    def what(self):
        return 'exit code %s, %s; %s' % (self.code, self.checks(['bad', 'unknown', 'warning']), self.message())

    def says(self, outcomes, pattern, signer=None):
        return any(re.search(pattern, check) for check in self.checks(outcomes, signer))

    def good(self, text, message, *arguments, **options):
        """Verified, without a warning."""
        self.verify(message, *arguments, **options)
        self.point(self.code == 0 and self.report.get('good') is True and not self.checks(['warning', 'bad']), text, self.what())

    def warned(self, text, message, pattern, *arguments, **options):
        """Verified, with this warning."""
        self.verify(message, *arguments, **options)
        self.point(self.code == 0 and self.report.get('good') is True and self.says(['warning'], pattern), text, self.what())

    def refused(self, text, message, pattern, *arguments, code=1, **options):
        """Not good, for this reason; the signed content is not what comes out."""
        self.verify(message, *arguments, **options)
        said = self.says(['bad', 'unknown'], pattern) or re.search(pattern, self.message())
        self.point(self.code == code and not self.report.get('good') and bool(said), text, self.what())


def mail_of(cms, sender='alice@example.org', kind='signed-data', extra=''):
    """A mail with a CMS body."""
    head = 'From: %s\r\nTo: bob@example.org\r\n%sMIME-Version: 1.0\r\n' % (sender, extra)
    head += 'Content-Type: application/pkcs7-mime; smime-type=%s; name=smime.p7m\r\nContent-Transfer-Encoding: base64\r\n\r\n' % kind
    return head.encode() + base64.encodebytes(cms).replace(b'\n', b'\r\n')


def multipart_of(part, signature, sender='alice@example.org', extra=''):
    """A multipart/signed mail around the part, which is what was signed."""
    head = 'From: %s\r\nTo: bob@example.org\r\n%sMIME-Version: 1.0\r\nContent-Type: multipart/signed;' % (sender, extra)
    head += ' protocol="application/pkcs7-signature"; micalg=sha-256; boundary=edge\r\n\r\n--edge\r\n'
    tail = '\r\n--edge\r\nContent-Type: application/pkcs7-signature; name=smime.p7s\r\nContent-Transfer-Encoding: base64\r\n\r\n'
    return head.encode() + part + tail.encode() + base64.encodebytes(signature).replace(b'\n', b'\r\n') + b'--edge--\r\n'
