/*
 * doctor_table.c - all that doctor looks for, in the order of mending.
 *
 * First what changes a whole line of master.cf, then what goes into lines.
 */
#include "ctl/doctor_checks.h"

const struct doctor_check doctor_checks[] = {
    {"postscreen", "postscreen stands at a port with PROXY protocol",
        "It greets everybody by itself before tollgate is asked, and what it "
        "learns about an address a forged header can teach it. smtpd in its "
        "place asks first.",
        NULL, check_postscreen},
    {"gate-service", "a gate has no smtpd to hand its clients to",
        "policyd takes the connections, and every client gets 421.",
        check_gate_service, NULL},
    {"gate-port", "Postfix listens where a gate of policyd does",
        "Only one of them can, and the other does not start.", check_gate_port,
        NULL},
    {"gate-name", "an smtpd does not say that a gate has handed it its client",
        "policyd and tollgate-milter know such a session by the name of its "
        "service alone, and refuse it otherwise.",
        NULL, check_gate_name},
    {"service", "a listener takes PROXY headers from anybody",
        "Postfix believes every header. Without a service section with proxied "
        "= true nobody asks who sent it.",
        NULL, check_section},
    {"service-unheard", "no listener of Postfix answers to a service section",
        "What it says about proxies and limits is never applied.",
        check_unheard, NULL},
    {"service-port", "a proxied service is known by its name only",
        "The policy protocol and milters have no such name. Only the true "
        "local "
        "port tells everywhere which service a client has come to.",
        NULL, check_port},
    {"proxy-header", "a proxied service does not learn its clients",
        "Every client then has the proxy's address, and all of them one "
        "counter. The proxy must send the header, too.",
        NULL, check_header},
    {"jail", "a chrooted service cannot get at our socket",
        "Below the chroot no path leads to it, and every question fails.", NULL,
        check_jail},
    {"own-names", "a line of master.cf leans on what the host takes away",
        "The host cuts main.cf at each start and leaves master.cf as it is: "
        "the name means nothing then, and policyd is not asked.",
        check_own_names, NULL},
    {"pipelining", "commands before the greeting are accepted",
        "An attacker can have a whole message read before anybody is asked; "
        "refused early, it costs nothing.",
        NULL, check_pipelining},
    {"anvil", "smtpd does not ask policyd, but Postfix's own anvil, or nobody",
        "Postfix's anvil counts on this machine alone and proves nothing; with "
        "nobody there smtpd goes on after a second.",
        check_anvil_place, NULL},
    {"anvil-socket", "the questions to anvil go where policyd is not",
        "The helper answers by itself then, and refuses or accepts everybody.",
        check_anvil_socket, NULL},
    {"anvil-line", "master.cf starts the helper in a way that cannot work",
        "spawn wants root itself, no chroot, a user that is neither root nor "
        "postfix, and as many helpers as there are smtpd processes.",
        check_anvil_line, NULL},
    {"anvil-helper", "the helper cannot be started",
        "smtpd waits a few seconds and goes on without an answer.",
        check_anvil_helper, NULL},
    {"anvil-when-down", "while policyd is away anybody is let in",
        "Proof is required of a service here; with accept a forged header is "
        "greeted as soon as policyd is restarted.",
        check_anvil_when_down, NULL},
    {"anvil-timeout", "smtpd does not wait for the helper's answer",
        "The helper gives a policyd that is late ten seconds before it answers "
        "in its place. smtpd asks twice and then goes on, unlimited and "
        "unproven.",
        NULL, check_anvil_timeout},
    {"event-exceptions", "smtpd asks nothing about some clients",
        "A PROXY header can name one of them, and is neither proven nor "
        "counted before the greeting.",
        NULL, check_exceptions},
    {"xclient", "some clients may say who they are",
        "A PROXY header can name one of them: anvil is not asked, and XCLIENT "
        "then lends any address and any login.",
        NULL, check_xclient},
    {"xclient-counted", "clients that come by XCLIENT share one counter",
        "smtpd tells anvil the address of who says XCLIENT, so all clients of "
        "that proxy count as one, and all are refused at its limit. The policy "
        "face and the milter are told each client.",
        check_xclient_counted, NULL},
    {"connect-limit", "smtpd does not heed the answer to a connection",
        "It compares only with limits above 0, so that whoever is to be "
        "turned away is greeted.",
        NULL, check_compared},
    {"limit-twin", "a limit of tollgate.conf has no twin in main.cf",
        "Postfix asks, and heeds the answer, only where its own limit is above "
        "0. Either one refuses, so the twin may be as high as you like.",
        NULL, check_twins},
    {"prefix-length", "anvil is told a net that is too wide",
        "The proxy itself, exempt and impossible clients are not found in "
        "their "
        "lists. Counters keep the prefix lengths of tollgate.conf.",
        NULL, check_prefixes},
    {"stranger-key", "strangers can fill the counter of a limit",
        "Whoever names the sender or recipient fills it for all who do.",
        check_stranger_keys, NULL},
    {"policy-missing", "policyd is not asked about mail",
        "smtpd skips the recipients' list for RCPT TO:<postmaster>, and asks "
        "anvil nothing about some: only both lists together see each message.",
        NULL, check_policy_missing},
    {"policy-twice", "policyd is asked twice about the same",
        "Every recipient counts twice.", NULL, check_policy_twice},
    {"policy-order", "a list may end before policyd is asked",
        "A client for whom it ends there is neither proven nor counted; a "
        "PROXY header can name an address of mynetworks, and another policy "
        "service may answer OK.",
        NULL, check_policy_order},
    {"policy-weak", "what policyd refuses is only logged",
        "warn_if_reject makes a warning of it.", NULL, check_policy_weak},
    {"policy-default-action", "what happens without policyd is not sound",
        "While policyd is away this action stands for its answer: mail would "
        "pass unproven, or Postfix gives up on the malformed entry.",
        NULL, check_policy_action},
    {"policy-timeout", "smtpd waits for policyd too long, or not long enough",
        "By default 100 s, and twice. policyd answers within store_timeout, so "
        "10 s are ample; below 1 s a busy machine refuses mail.",
        NULL, check_policy_timeout},
    {"policy-inet", "policyd is asked over inet where proof is required",
        "Only a unix socket shows which smtpd asks, so nothing can be proven "
        "and all mail is deferred.",
        NULL, check_policy_inet},
    {"policy-path", "policyd is looked for in the wrong place",
        "A chrooted smtpd takes an absolute path from its jail. Relative to "
        "the queue directory it is right in both.",
        NULL, check_policy_jail},
    {"milter-missing", "tollgate-milter is not asked",
        "Its limits, or the proof if nothing else proves, are never reached.",
        NULL, check_milter_missing},
    {"milter-default-action", "without tollgate-milter mail is accepted",
        "While it is away or late, nothing is counted or proven.", NULL,
        check_milter_action},
    {"milter-inet",
        "tollgate-milter is asked over inet where proof is required",
        "Only a unix socket shows which smtpd asks, so nothing can be proven "
        "and all mail is deferred.",
        NULL, check_milter_inet},
    {"milter-path", "tollgate-milter is looked for in the wrong place",
        "A chrooted smtpd takes an absolute path from its jail. Relative to "
        "the queue directory it is right in both.",
        NULL, check_milter_jail},
    {"milter-maps", "a table can switch tollgate-milter off",
        "A PROXY header can name a client for which it says DISABLE, and "
        "nothing else proves here.",
        NULL, check_milter_maps},
    {"milter-local", "tollgate-milter is asked about mail that no smtpd took",
        "There is no client to count or prove: bounces and local mail are "
        "refused or count as one client.",
        check_milter_local, NULL},
    {"reinjection", "mail that comes back from a content filter counts again",
        "This Postfix has counted it when it came, and gave it to the filter. "
        "Refused on its way back it waits at the filter, or is lost there.",
        check_reinjection, NULL},
    {"listener-apart", "a listener has no service section",
        "Others have one, so what happens there may be meant so.", check_apart,
        NULL},
    {"proof-refused", "the kernel does not let a daemon prove peers",
        "Then all mail is refused where proof is required.", check_proofs,
        NULL},
    {"hidden-clients", "a gateway of ours hides the clients of a service",
        "All of them have its address: one that is refused or banned refuses "
        "all the others with it.",
        check_hidden_clients, NULL},
    {"socket-access", "Postfix may not connect to our socket",
        "Then nobody answers, with what that means for each face.",
        check_sockets, NULL},
    {"postfix-user", "tollgate takes another user for Postfix's",
        "Private keys go to postfix_user alone, and sockets are made for it.",
        check_user, NULL},
    {"default-chain", "smtpd does not read the published certificate",
        "A renewed one never gets to clients that name no server.",
        check_default_chain, NULL},
    {"refresh-map", "smtpd does not notice a new certificate",
        "An smtpd with the map open ends before its next client as soon as it "
        "is renewed; without it the old certificate stays in use.",
        check_refresh_map, NULL},
    {"sni-map", "smtpd does not ask for certificates by name",
        "Clients that name a server get the default one.", check_sni_map, NULL},
    {"tlsproxy", "postscreen's TLS keeps the old certificate",
        "tlsproxy reads it at a reload only, so on_change must do one.",
        check_tlsproxy, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};
