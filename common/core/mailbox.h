/*
 * mailbox.h - one form for all spellings of a mailbox.
 *
 * Pure. What Postfix delivers to one mailbox is one text here, whatever the
 * protocol that brought it: RFC 822 comments, quotes, blanks and a source
 * route go, and so do the dots at the domain's end. Case is left to the
 * writer of a key. Aliases are other mailboxes: what tables say is not known.
 */
#ifndef TOLLGATE_CORE_MAILBOX_H
#define TOLLGATE_CORE_MAILBOX_H

#define MAILBOX_SIZE 512

/*
 * Never fails: what is no address comes out as some text, the same for the
 * same bytes. "" only if nothing is left: the null sender.
 *
 * `user%domain` and `domain!user` without an @ are user@domain, as they are to
 * Postfix; `user%domain@domain` too. delimiters: as Postfix's
 * recipient_delimiter, a set of characters; the first of them in the local part
 * and all behind it go ("" or NULL: none). As in Postfix they do not divide
 * postmaster, mailer-daemon and double-bounce, nor owner-NAME and NAME-request
 * where '-' is one of them, nor a local part that begins with one.
 *
 * Returns text itself where nothing is to be changed, else out, which holds the
 * first MAILBOX_SIZE - 1 bytes.
 */
const char *mailbox_canonical(
    const char *text, const char *delimiters, char out[MAILBOX_SIZE]);

/* A host's name, or a login: without the dots at its end. As above. */
const char *mailbox_without_dot(const char *text, char out[MAILBOX_SIZE]);

#endif
