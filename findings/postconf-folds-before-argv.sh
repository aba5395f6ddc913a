#!/bin/bash
# Postfix 3.7.11 (Debian 12) and 3.10.13 (Debian 13).
#
# A service that spawn(8) runs in the place of anvil is written by `postconf
# -M`, on one line. One would think that `postfix upgrade-configuration`, which
# adds services that are missing, finds it there.
#
# It does not. postconf folds the line before "argv=", and post-install looks for
# a line that begins with "anvil" and says "anvil" once more: the first line of
# the folded entry does not, unless the word stands before argv. The stock anvil is
# added below, and of two entries the last one counts, with a warning at most:
# the service that was put there is no longer used from the next reload on.
. "$(dirname "$0")/lib.sh"

look='
postconf -M "anvil/unix=anvil unix - n n - 0 spawn user=nobody argv=/bin/cat"
postfix upgrade-configuration >/dev/null 2>&1
grep -c "^anvil" /etc/postfix/master.cf
postconf -M anvil/unix 2>/dev/null | tail -n 1 | tr -s " "
'
for debian in bookworm=3.7.11-0+deb12u1 trixie=3.10.13-0+deb13u1; do
    root "${debian%%=*}" "postfix=${debian#*=}"
    expect "2
anvil unix - - n - 1 anvil" "$(inside "$postfix_alone
$look")"
done
