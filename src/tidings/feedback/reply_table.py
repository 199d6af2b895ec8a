"""What servers' replies mean, as data: pinned sayings of the large providers, enhanced status codes (RFC 3463 and its
registry), and words that many servers use. `replies.py` reads them in that order.

Patterns are tried on lower-cased text of one line, the first that is found counts; reasons about us come before those about the
mailbox, so that in doubt nobody is taken for dead. Sources: Gmail's SMTP error reference (support.google.com/a/answer/3726730),
Yahoo's (senders.yahooinc.com/smtp-error-codes), Microsoft's (learn.microsoft.com, "Email non-delivery reports" and the Outlook.com
postmaster pages), Apple's (support.apple.com/102322), RFC 5321, 7504, 7505, 7372, 8616 and the IANA registry.
"""

from __future__ import annotations

PINNED = (
    # Gmail
    (
        r"\b4\.7\.28\b|\b5\.7\.28\b|unusual rate of (?:unsolicited )?(?:mail|email)|suspicious due to the (?:very low|nature)",
        "rate_limited",
    ),
    (r"\[?tss0?4|\[tss0?4\]|temporarily deferred due to (?:unexpected volume|user complaints)", "bad_reputation"),
    (r"\[ts0[1-3]\]|all messages from .{1,60} will be permanently deferred", "blocked"),
    (r"rate that prevents additional messages|receiving mail too quickly|exceeded the rate limit", "rate_limited"),
    (
        r"likely suspicious due to|gsmtp.{0,40}unsolicited|likely unsolicited mail|low reputation of the sending",
        "bad_reputation",
    ),
    # Microsoft
    (r"\bs3150\b|\bs3140\b|\bs77719\b|part of their network is on our block ?list", "blocked"),
    (r"\b[45]\.7\.(?:60[6-9]|6[1-4]\d)\b|banned sending ip", "blocked"),
    (r"\b4\.7\.650\b|\bs775\b|\bs3113\b|rate limited due to ip reputation", "bad_reputation"),
    (
        r"\b[45]\.7\.(?:508|70[0-9]|750|753)\b|as\(?(?:780|844|8\d{3})\)?.{0,30}server busy|\bs8[0-9]{2}\b.{0,60}throttl",
        "rate_limited",
    ),
    (r"\b5\.7\.(?:50[1-3]|511)\b|\b(?:sc|dy|ou)-00[1-4]\b", "blocked"),
    (r"\b[45]\.7\.(?:509|515)\b|does not meet the required authentication level", "auth_failed"),
    (r"\b5\.7\.512\b", "not_standard"),
    (
        r"requested action not taken: mailbox unavailable \((?:s\d|-?\d)|\b550 5\.5\.0 requested action not taken: mailbox unavailable",
        "no_such_user",
    ),
    (r"resolver\.adr\.(?:ex)?recip(?:ient)?notfound", "no_such_user"),
    (r"resolver\.rst\.(?:recip|send)sizelimit", "too_large"),
    (r"resolver\.(?:rst|fwd|grp|adr)\.", "recipient_refused"),
    (r"storedrv\.\S{0,40}quota|quotaexceeded", "mailbox_full"),
    (r"queue\.expired", "expired"),
    (r"dnsnonexistentdomain", "no_such_domain"),
    # Yahoo
    (r"\[(?:ph0[12]|pri?sn|bl2[13]|gl01)\]|listed by spamhaus", "blocked"),
    (r"\b554 5\.7\.9\b|not accepted for policy reasons", "policy"),
    (r"this user doesn't have an? [\w.-]+ account", "no_such_user"),
    # Apple
    (r"\b5\.1\.1\b.{0,20}inactive e-?mail address", "no_such_user"),
    (r"\[cs0[12]\]|\[hm0[78]\]|blocked due to local policy|due to local policy", "policy"),
    (r"\[hme1\]", "sender_rejected"),
)
"""(pattern, reason): what one provider says, in its own words or numbers."""

ENHANCED = {
    "1.1": "no_such_user",
    "1.2": "no_such_domain",
    "1.3": "recipient_refused",
    "1.4": "recipient_refused",
    "1.6": "moved",
    "1.7": "sender_rejected",
    "1.8": "sender_rejected",
    "1.9": "sender_rejected",
    "1.10": "no_mail_accepted",
    "2.0": "recipient_refused",
    "2.1": "disabled",
    "2.2": "mailbox_full",
    "2.3": "too_large",
    "2.4": "recipient_refused",
    "3.0": "server_error",
    "3.1": "server_error",
    "3.2": "server_error",
    "3.3": "server_error",
    "3.4": "too_large",
    "3.5": "server_error",
    "4.0": "network",
    "4.1": "network",
    "4.2": "network",
    "4.3": "network",
    "4.4": "network",
    "4.5": "rate_limited",
    "4.6": "network",
    "4.7": "expired",
    "4.310": "no_such_domain",
    "4.312": "network",
    "4.316": "expired",
    "5.0": "syntax",
    "5.1": "syntax",
    "5.2": "syntax",
    "5.3": "rate_limited",
    "5.4": "syntax",
    "5.5": "syntax",
    "6.0": "content_rejected",
    "6.1": "content_rejected",
    "6.2": "content_rejected",
    "6.3": "content_rejected",
    "6.5": "content_rejected",
    "6.6": "content_rejected",
    "6.7": "not_standard",
    "6.8": "not_standard",
    "6.9": "not_standard",
    "7.0": "policy",
    "7.1": "policy",
    "7.2": "policy",
    "7.3": "policy",
    "7.4": "security",
    "7.5": "security",
    "7.6": "security",
    "7.7": "content_rejected",
    "7.8": "security",
    "7.9": "policy",
    "7.10": "security",
    "7.11": "security",
    "7.13": "disabled",
    "7.14": "security",
    "7.17": "recipient_refused",
    "7.18": "recipient_refused",
    "7.19": "recipient_refused",
    "7.20": "auth_failed",
    "7.21": "auth_failed",
    "7.22": "auth_failed",
    "7.23": "auth_failed",
    "7.24": "auth_failed",
    "7.25": "no_reverse_dns",
    "7.26": "auth_failed",
    "7.27": "auth_failed",
    "7.28": "rate_limited",
    "7.29": "security",
    "7.30": "auth_failed",
    "7.31": "auth_failed",
    "7.32": "auth_failed",
    "7.40": "auth_failed",
}
"""Subject and detail of an enhanced status code, whatever its class. Gmail's 4.7.23 is a PTR record; its text says so."""

WORDS = (
    (
        r"\bspf\b|\bdkim\b|\bdmarc\b|dns authentication|unauthenticated (?:e-?mail|message)s?\b|sender policy framework|sender ?id .{0,20}fail|multiple authentication checks|purported responsible",
        "auth_failed",
    ),
    (
        r"relay(?:ing)?(?: access| attempt)? (?:denied|not (?:allowed|permitted))|not (?:allowed|permitted|authori[sz]ed|able) to relay|unable to relay|relaying (?:not|mail|to)|\bno relay|not a gateway|we do not relay|rejected for relay|this (?:system|server) is not configured to relay",
        "relay_denied",
    ),
    (
        r"reverse (?:dns|name|hostname|lookup)|\bptr\b|\brdns\b|ip name lookup failed|cannot find your (?:reverse )?hostname|unresolvable (?:reverse|relay)|client host rejected: cannot find|cannot resolve your address|domain name in .{0,20}ip address|no matches to nameserver query|fix reverse",
        "no_reverse_dns",
    ),
    (
        r"too many (?:\w+ )?(?:connections|sessions|messages|recipients|concurrent|mails|e-?mails|invalid)|rate limit|throttl|connection (?:rate|limit)|(?:too (?:fast|quickly|frequent))|sending limit|exceeded (?:the )?(?:max\w* )?(?:number of )?(?:connections|messages|recipients|sending|rate)|daily (?:quota|limit)|mail quota exceeded|slow down|aup#in-1310|out of slots|max\w* (?:number of )?(?:sessions|connections)",
        "rate_limited",
    ),
    (
        r"grey-?list|gray-?list|try again in \d+ (?:second|minute)|temporarily (?:deferred|rejected).{0,40}(?:policy|unknown sender)",
        "greylisted",
    ),
    (r"reputation|senderbase|sender ?score|ip .{0,20}not trusted", "bad_reputation"),
    (
        r"black-?list|block-?list|deny ?list|\bdnsbl\b|\brbl\b|\bsurbl\b|spamhaus|spamcop|sorbs|barracudacentral|blocked (?:using|by|for|due|because|from)|(?:ip|host|address|sender|mail|server|network|connection|domain|client)\w* .{0,60}(?:is|was|are|been|has been|have been|being) (?:\w+ )?(?:blocked|banned|denied)|\bbanned\b|poor reputation|is refused|refused to talk|service refus|client host .{0,40}(?:rejected|blocked)|access denied|connection (?:refused|dropped|rejected)(?: by| due| for)|not (?:allowed|accepted|permitted) (?:to (?:connect|send)|from (?:your|this))|bad (?:sender )?ip|your (?:ip|host|server|network|mail server|isp)\b.{0,60}(?:reject|refus|block|abus|unwelcome|not allowed)|you (?:are|have been) (?:not (?:allowed|welcome)|blocked|banned|rejected)|unsolicited (?:mail|messages) .{0,40}(?:from|originating)|too many unwanted messages|dynamic (?:ip|address|host)|dial-?up|dul\b|generic (?:host|rdns)|domain .{0,30}(?:not allowed to send)|bad helo|invalid helo|helo .{0,30}(?:reject|invalid|refus)|go away|blocked\b",
        "blocked",
    ),
    (
        r"\bspam|\bube\b|\buce\b|unsolicited|junk mail|bulk (?:e-?)?mail|mail ?abuse|looks like (?:spam|junk)|spamminess|phish|\burl\b.{0,40}(?:list|black|block)|message (?:content )?(?:rejected|refused) .{0,20}(?:due to|because of) (?:suspected|possible)",
        "spam",
    ),
    (
        r"\bvirus|\bmalware|\binfected|\btrojan|\bworm\b|(?:dangerous|prohibited|forbidden|banned|executable|unsafe|disallowed) (?:attachment|file)|because its content presents",
        "virus",
    ),
    (
        r"sender (?:address |domain |e-?mail |mail )?(?:\S+ )?(?:was |is |has been |not )?(?:rejected|refused|denied|invalid|unknown|verif\w+ fail|not (?:exist|allowed|accepted|verif)|does not exist)|(?:bad|invalid|unknown|forged|fake|unverified) sender|sender verif|(?:domain of sender|sender'?s? domain|from address|return.?path|envelope sender|reverse-?path|mail from|originator)\b.{0,60}(?:not exist|not resolve|not found|invalid|reject|refus|denied|unknown|not accept|not allow|verify|not (?:a )?valid|must|is not)|domain is invalid\. please provide a valid from|unable to verify (?:the )?sender|backscatter|null sender|empty (?:envelope )?sender|must (?:use|have) .{0,20}valid (?:from|sender)|<> (?:is|was|not)",
        "sender_rejected",
    ),
    (
        r"authentication (?:is )?(?:required|failed|failure|turned on)|unauthenticated|must (?:be )?authenticat|starttls|\btls\b|requires? (?:encryption|authentication)|encryption (?:is )?(?:needed|required)|bad (?:login|credentials)|verification failed.{0,20}certificate|not logged in",
        "security",
    ),
    (
        r"message (?:size|length)|too (?:large|big)\b|size (?:limit|exceed)|exceed\w* .{0,40}(?:size|length|maximum)|larger than|maximum (?:message )?size|mail(?:box)? size limit|mail is too",
        "too_large",
    ),
    (
        r"(?:over|exceed\w*|beyond|out of|full|above)\W{0,3} (?:(?:the|its|his|their|mailbox|disk|storage|mail|e-?mail|account|allowed|user'?s?|maximum|allocated|local|of) ){0,4}(?:quota|limit|storage|space|allocat)|quota (?:is |has been )?(?:exceeded|full|reached|violation|exceed)|over ?quota|mailbox (?:\S+ )?(?:is |was |has |are )?(?:\w+ )?(?:full|too (?:large|big|full)|exceed)|mailfull|mailbox_full|mailbox .{0,30}(?:is )?full|(?:mail ?box|in-?box|disk|maildir|folder|account)(?: of \S+)? (?:is |is currently |has |was )?(?:over|full|exceed)|(?:not enough|insufficient|no (?:more )?)(?: disk| storage| system| mailbox| free)* (?:space|storage)|disk (?:quota|full|space)|storage (?:limit|space|quota|allocation)|no space left|user (?:is )?over|(?:user|account|recipient|mailbox).{0,40}(?:has exceeded|exceeded|over) .{0,20}(?:quota|limit|storage|space)|number of messages in .{0,40}exceed|boîte .{0,30}(?:pleine|quota)|postfach .{0,20}voll|cuota|quota d|has (?:too many|no room)|容量",
        "mailbox_full",
    ),
    (
        r"(?:account|mailbox|user|recipient|address|domain|box)(?:\(s\)|s)?(?: \S+){0,4} (?:has been |have been |is |was |are |been |it's |currently |temporarily |permanently ){1,3}(?:\w+ )?(?:disabled|suspended|inactive|locked|deactivated|not active|not activated|blocked|frozen|inactivated|terminated|closed|expired|cancel\w*|discontinued|deleted due)|(?:disabled|suspended|inactive|deactivated|dormant|locked|expired|closed) (?:account|mailbox|user|recipient|e-?mail|address)|\bnot active\b|\baccount (?:disabled|suspended|inactive|expired|closed|locked)|(?:mailbox|user|address|recipient|vdelivermail: account) (?:disabled|suspended|inactive|locked)|mailbox currently suspended|temporarily (?:disabled|suspended|inactive)|user (?:suspended|paused)|due to (?:extended )?inactivity|sleeping account|has been (?:de-?activated|frozen)|mailbox .{0,40}invalid-suspended",
        "disabled",
    ),
    (r"host not found,? try again|try again.{0,20}host not found", "network"),
    (
        r"(?:has|have) moved|user (?:not local|has moved)|no longer (?:at|with|using|accept)|address (?:has )?changed|forward-?path|changed (?:his|her|their) (?:e-?mail )?address|no more mail accepted; (?:please )?use|please (?:try|use) (?:<|\S+@)|moved to \S+@",
        "moved",
    ),
    (
        r"(?:does not|doesn't|not|never|no longer) accept(?:s|ing)? (?:any )?(?:e-?)?mails?(?:\b(?! from)|$)|null ?mx|no mail (?:accepted|service) (?:here|at)|does not (?:receive|handle) (?:e-?)?mail|domain (?:does not|doesn't) accept|(?:no mx|mx) (?:records? )?(?:was |were |)?(?:not )?found for (?:the )?domain|indicated no smtp|find a mail exchanger or ip|smtp service (?:not available|is not provided)|server does not accept",
        "no_mail_accepted",
    ),
    (
        r"host(?: or domain)?(?: name)? (?:is )?(?:unknown|not found)|unknown host|unknown domain|domain (?:name )?(?:\S+ )?(?:does not exist|doesn't exist|not found|is (?:un|not )known|couldn't be found|must exist|unknown|is not (?:a )?valid)|no such (?:domain|host)|\bnxdomain\b|non-?existent (?:host|domain)|domain (?:lookup|name) (?:failed|error)|name or service not known|no route to (?:domain|host by that name)|illegal host/domain|invalid domain|unrouteable (?:address|mail domain)|all (?:relevant mx records point to non-existent|host address lookups failed permanently)|bad destination (?:host|system)|not a valid (?:domain|host)|unable to find (?:the )?(?:host|domain|mx)|couldn't find any host named|mail domain .{0,60}not found|domain .{0,80}(?:isn't|is not) (?:in|on) (?:my|the)",
        "no_such_domain",
    ),
    (
        r"\(?(?:user|recipient|mailbox|address|account|addressee|destinataire|benutzer|empf[aä]nger|usuario|destinatario)\)?(?: address| name| account| e-?mail| mailbox|\(s\))?[: ]*(?:\S{1,80} )?(?:is |was |are |could be |has been |can ?not be |couldn't be |not )?(?:un-?known|not (?:be )?(?:found|known|exist|listed|recogni[sz]ed|here|valid|local|a (?:known|valid)|in (?:our|the|local|my))|invalid|non-?existent|inconnu\w*|invalide?\b|unbekannt|desconocido|sconosciuto|nicht (?:bekannt|gefunden|vorhanden)|no existe)|(?:no|not an?|unknown|invalid|nonexistent|non-existent|bad|illegal|wrong|undeliverable|unrecognized|unknown or illegal|unknown local|no such|not a (?:known|valid)) (?:such |local |virtual |valid |known |final delivery )*(?:user|recipient|mailbox|mailbox/user|addressee|address|account|person|alias|e-?mail(?: address)?|userid|users?[ -]?name|destinat\w*|local[ -]?part|mail ?drop|customer|subscriber|forward|id|name|domain user)\b|(?:user|recipient|mailbox|address|account|email|id|e-mail account)(?: \S+){0,5} (?:does ?n[o']t|don't|do not|did not|doesn.t) (?:exist|have|found|seem to exist)|(?:no one|nobody) (?:here|by that name|at)|no (?:mailbox|account|user|recipient|address|one) (?:here |found |exists? |by that name|with (?:that|this) name|under th)|who\?|there is no (?:such )?(?:user|mailbox|account|one)|(?:couldn't|could not|can ?not|unable to|not) (?:be )?(?:find|found|locate|verify|verified|look ?up|resolve) (?:the |a |your )?(?:user|recipient|mailbox|address|account|entry)|not (?:our|my|a) (?:customer|user|subscriber|mailbox)|isn't in my|is not in my|not listed in .{0,40}(?:address book|directory)|not in directory|(?:見つかりません|存在しません|リストにありません|宛先不明|ユーザー.{0,20}不明)|user .{0,60}not listed|unknown or invalid|unknown (?:address|recipient|user|account|mailbox|account)|delivery error: dd |adresse .{0,20}invalide|n'existe pas|recipient .{0,40}(?:is )?unknown|undeliverable address|name is not recognized|address not found|mailbox not found|mailbox unavailable or not local|address rejected[:.]? (?:user|unknown|no such)|user unknown|unknown user|unknownuser|no valid recipients?|in (?:local|virtual|relay) (?:recipient|mailbox|alias) (?:maps?|table)|user: \S+ unknown|does not exist|not exists?\b",
        "no_such_user",
    ),
    (
        r"(?:message|delivery|mail|envelope|queue|retry)(?: \w+){0,4} (?:expired|time(?:d)? ?out|exceeded|was too old|too long)|in the queue too long|retry time ?out|retry time not reached|timeout exceeded|could not be delivered for|still undelivered|undelivered after|not delivered (?:within|after|for)|have been failing for a long time|given up|giving up|expired|delivery time|delayed for more|too old|has been delayed|cannot send message for|unable to deliver .{0,20}(?:in|after|for) \d|max(?:imum)? (?:retry|retries|queue)",
        "expired",
    ),
    (
        r"mail(?:er)? loop|loop(?:ing|s)? |loops back|hop count|too many hops|routing loop|time(?:d)? ?out|(?:connect|connection|session|host|network|socket|server)\w*(?: \S+){0,6} (?:refused|lost|reset|closed|failed|error|unreachable|timed|aborted|down|not respond|dropped|broken|terminated)|no route|unreachable|dns (?:error|failure|problem|lookup)|name (?:service|server|lookup)|lookup (?:fail|error|timed)|host not found, try again|mx (?:lookup|problem|record)|temporarily unable to (?:resolve|route)|could(?: not|n't) (?:contact|connect|reach|establish)|unable to (?:connect|contact|reach|resolve|route)|did not accept our requests to connect|not responding|too many (?:mx|dns)|lost connection|broken pipe|no answer|connection",
        "network",
    ),
    (
        r"pipe to|\|/|command (?:failed|died|time|output|not)|mailer (?:error|died|died with)|procmail|maildrop|vacation|child (?:status|process)|exit(?:ed)? (?:status|code)|local (?:mailer|delivery agent)|autorespond|x-unix|prog mailer|service unavailable - pipe|lmtp.{0,30}error|message filter|mail ?filter|process died|bin/",
        "mailer_error",
    ),
    (
        r"bare (?:lf|cr)|(?:rfc ?\d{3,4}|5322|2822|822)|(?:missing|invalid|multiple|duplicate|malformed|bad|illegal|non-compliant|improper)\w*(?: or \w+)? (?:from|to|date|subject|message-id|mime|header|headers|8bit|address(?:es)? in)|header (?:error|syntax|field|line)|message (?:is )?(?:mal)?formed|line too long|lines? longer|illegal (?:8-?bit|character)|null (?:byte|character)|8-?bit (?:data|mime|char)|not rfc|non-?standard|message format",
        "not_standard",
    ),
    (
        r"syntax error|command (?:not|un)\w*|unrecogni[sz]ed command|bad (?:sequence|command)|improper (?:sequence|use)|need (?:mail|rcpt|helo)|parameter|out of order|not implemented|nested mail command|invalid (?:command|argument)|bad argument",
        "syntax",
    ),
    (
        r"(?:system|server|disk|file ?system|internal|local|service|configuration|software|operating system|database|ldap|directory|memory|backend|temporary|temporar\w+)(?: \S+){0,3} (?:error|failure|problem|fault|unavailable|full|overload\w*|busy|trouble|fail\w*)|insufficient (?:system|permission|resource|memory)|out of (?:memory|resources)|cannot (?:open|create|write|lock|append)|can't (?:open|create|write|lock)|permission denied|service (?:currently |temporarily )?(?:not available|unavailable)|server (?:busy|too busy|down|not available|is (?:too )?busy)|system resources|maintenance|program failure|no such file|resources (?:temporarily )?unavailable|i/o error|unexpected|mail system (?:error|problem)|crash|bug|out of order|try (?:again|later)|requested action aborted|local error|not enough (?:memory|resources)",
        "server_error",
    ),
    (
        r"(?:content|body|subject|header|attachment|url|message|mail|e-?mail)\w*(?: \S+){0,5} (?:rejected|refused|blocked|denied|not (?:accepted|allowed)|violat\w+|prohibited|restricted|forbidden)|content (?:filter|restrict|policy)|denied by content|rejected by .{0,40}(?:content|filter)|banned word|forbidden word|message (?:refused|rejected)|data (?:rejected|refused)",
        "content_rejected",
    ),
    (
        r"polic(?:y|ies)|security (?:reasons?|policy)|administrative(?:ly)? (?:prohibit\w*|denied|rejected)|prohibited|not (?:permitted|authori[sz]ed|allowed)|violat|unauthori[sz]ed|forbidden|local reasons|restrict|you (?:do not|don't) have permission|not have permission|permission to (?:post|send)",
        "policy",
    ),
    (
        r"(?:address|recipient|user|mailbox|addressee|rcpt)\w*(?: \S+){0,6} (?:rejected|refused|denied|not accepted|unavailable|restricted|not available)|mailbox (?:unavailable|not available|temporarily)|requested (?:mail )?action not taken|does not like recipient|recipient|not (?:accept|want|deliver)|undeliverable|rejected|refused|denied|mailbox",
        "recipient_refused",
    ),
)
"""(pattern, reason): words that servers of any kind use."""
