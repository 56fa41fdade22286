"""Secrets and personal data taken out of text before it is written anywhere, and stable pseudonyms put in.

`<email:3fa2c1>` stands for one address everywhere: the six digits are a hash of what was there, so that two runs can
still be compared. A value of a secret environment variable becomes `<secret:openai_api_key>`, after its name, because
a hash of a weak password could be guessed from a public repository.

Found are: keys and tokens by their shape, strings that look random, values given to a password or key, logins in URLs,
private keys, e-mail addresses, payment cards (Luhn, ISO/IEC 7812), IBANs (mod 97, ISO 13616), phone numbers and US
social security numbers. The search is conservative where a false mark would damage data: order numbers, dates, EANs,
amounts, hashes, UUIDs and JSON numbers are left alone.

Redaction is idempotent: the result is a text in which nothing more is found.
"""

from migrate.redaction.marks import Mark
from migrate.redaction.redactor import Redactor, secrets_of

__all__ = ["Mark", "Redactor", "secrets_of"]
