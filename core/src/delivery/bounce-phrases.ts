// The words by which mail servers and providers say what they mean, from what is publicly known of their replies. The
// first row that matches decides, so the narrower ones stand above the wider ones. Patterns are tried on small letters;
// each takes time in proportion to the text. Data only.

import type { BounceClass } from '../contract/index.ts';

export const PHRASES: readonly (readonly [BounceClass, RegExp])[] = [
  // Who is greylisted hears of it by name, or, further down, is asked to come again in so many seconds.
  ['greylisted', /gr[ea]y-?list|gr[ea]y listed|postgrey|early retry|\[gl01\]|first attempt/],

  // Groups and lists that take mail of their own people only; and a limit that is nobody's quota.
  ['policy', /sendernotauthenticated|delivery restriction/],
  ['system', /thread limit|insufficient system/],

  // Authentication: SPF, DKIM, DMARC, ARC and reverse DNS.
  [
    'authentication',
    /\bspf\b|sender policy framework|not authenticated|authentication unsuccessful|\bdkim\b|\bdmarc\b|unauthenticated (?:e?mail|sender|message)|does ?n[o']t pass authentication|failed authentication|authentication (?:level|checks?|information|requirements)|not authorized to send (?:email|mail|messages)? ?(?:from|on behalf)/,
  ],
  [
    'authentication',
    /\bptr\b|reverse (?:dns|hostname|lookup)|rdns|cannot find your (?:reverse )?hostname|fcrdns|ip must resolve|no matches to nameserver|host name (?:is )?(?:un)?verif/,
  ],
  [
    'authentication',
    /authentication (?:is )?required|must (?:be )?authenticate|log ?in first|smtp auth|authentication credentials|password/,
  ],

  // TLS.
  [
    'tls',
    /starttls|must (?:use|issue) (?:a )?tls|(?:requires?|without) (?:tls|encryption|a secure connection)|tls (?:is )?(?:required|negotiation|handshake|not available)|certificate/,
  ],

  // Too much at a time. Before reputation, whose words are often beside it.
  [
    'rate',
    /rate.?limit|ratelimit|rate of (?:unsolicited |unusual )?mail|unusual rate|sending rate|too fast|slow(?:ing)? down|throttl/,
  ],
  [
    'rate',
    /too (?:many|much) (?:concurrent |simultaneous |open |parallel )?(?:smtp )?(?:connections|sessions|messages|mails?\b|e-?mails|recipients|rcpts|rcpt commands|requests|errors|unknown|invalid)/,
  ],
  [
    'rate',
    /(?:connection|message|session|hourly|daily|sending|receiving|recipient) (?:rate |count |frequency )?(?:limit|quota) (?:is |was |has been )?(?:exceeded|reached)|exceeded (?:the |your )?(?:maximum |max |allowed )?(?:number of |rate|connection|message|sending|hourly|daily|e?mails?\b)|max(?:imum)? (?:number of )?(?:connections|concurrent|sessions|messages per|recipients)/,
  ],
  [
    'rate',
    /unexpected volume|volume of (?:mail|email|messages)|(?:receiving|sending) (?:mail|email|messages) (?:at a rate|too (?:quickly|fast))|server busy|excessive (?:connections|volume|mail|rate)|temporarily (?:rate|deferred due to)|\[tss?0\d\]|\(asn?\d{3}\)|over the limit/,
  ],

  ['greylisted', /try again in \d+ (?:second|minute)/],

  // Our name is bad.
  [
    'reputation',
    /spamhaus|\bsbl\b|\bxbl\b|\bpbl\b|\bcss\b|barracuda|spamcop|\bsorbs\b|uceprotect|\brbl\b|dnsbl|\bsurbl\b|senderscore|invaluement|proofpoint|cloudmark|abusix|abuseat|mailspike|0spam|spfbl|psbl/,
  ],
  [
    'reputation',
    /black-?list|block-?list|black list|block list|deny ?list|blocked using|listed (?:at|in|on|by)|is listed|reputation|banned send|banned ip|poor (?:sender|ip)|\[bl\d+\]|\[hvu|\(s31[45]\d\)|s77[57]|b0\d{3}/,
  ],
  [
    'reputation',
    /(?:ip|host|server|client|sender|domain|address|network|connection|sending)[^.;]{0,60} (?:is |was |has been |are |been )?(?:temporarily |currently )?(?:blocked|banned)|blocked (?:your ip|for abuse|from sending)|(?:not accepted|denied|rejected|refused)[^.;]{0,30} from this ip|does not accept (?:e?mail|messages|connections) from dynamic|dynamic(?:ally assigned)? (?:ip|address)|residential ip|generic (?:ptr|reverse)/,
  ],

  // What is wrong with the message.
  [
    'content',
    /virus|malware|infected|phish|attachment|executable|file ?type|banned (?:content|extension|file)|dangerous|potentially harmful|blocked because (?:its|of) content/,
  ],
  [
    'content',
    /(?:message|mail|size|content|data|header)s? (?:size |line |length )?(?:is |was )?(?:too (?:large|big|long)|exceeds? (?:the |fixed |maximum |max|size|limit))|size limit|message size|maximum message|missing [^.;]{0,40}header|line too long|too (?:large|big)\b|malformed|(?:missing|invalid|duplicate|multiple|bad) (?:['"a-z-]+ )?headers?|not rfc|rfc ?-?(?:2822|5322)|bare (?:lf|cr|newline)|syntax of (?:the )?header|mime (?:error|part|nest)|too many hops from|no subject/,
  ],
  [
    'spam',
    /spam|junk|unsolicited|\bubes?\b|\buce\b|bulk (?:e?mail|messages?)|looks like|suspicious|content (?:rejected|filter|presents)|high probability|score (?:of )?\d|bayes|complaints|unwanted/,
  ],

  // Full.
  [
    'quota',
    /(?:mailbox|inbox|mail ?box|user|account|recipient|quota|disk)[^.;]{0,40}(?:full|over ?quota|exceed|out of (?:storage|space)|too full)|(?:over|out of|exceeds?|exceeded|beyond) (?:the |its |his |their |disk |mailbox |storage |mail )*(?:quota|storage allocation|storage limit|space)|quota exceeded|overquota|mailbox size limit|insufficient (?:mailbox|disk) (?:storage|space|quota)|storage quota/,
  ],

  // Gone to sleep.
  [
    'inactive',
    /(?:account|mailbox|user|recipient|address|inbox|e?mail)[^.;]{0,50}(?:disabled|inactive|suspended|deactivated|discontinued|locked|blocked|expired|closed|frozen|terminated|dormant|not active|no longer (?:active|in use|available|valid)|unavailable due to inactivity)|(?:disabled|inactive|suspended|deactivated|expired|closed) (?:account|mailbox|user|recipient|address)|has been (?:deactivated|discontinued|suspended|disabled)|temporarily disabled/,
  ],

  // What is said of the sender is said above all of what is said of recipients: a class that condemns an address must
  // never be won by words about ours.
  [
    'policy',
    /sender (?:address )?(?:rejected|denied|refused|verif|unknown|not allowed|blocked)|(?:return|bounce|from) address|envelope sender|mail from/,
  ],

  // No such domain, no such address. Exchange says `access denied` where its directory does not know the recipient.
  [
    'no-domain',
    /domain[^.;]{0,40}(?:not found|does ?n[o']t exist|does not exist|unknown|not hosted|no longer|expired|disabled|does not accept mail|accepts no mail)|null ?mx|unknown domain|no such domain|any host by that name|host (?:or domain name )?(?:unknown|not found)|we do not host|not hosted here/,
  ],
  [
    'no-mailbox',
    /(?:user|recipient|mailbox|account|address|addressee|alias|inbox|person|customer)s?[^.;]{0,60} (?:is |was |are )?(?:unknown|not known|not found|invalid|does ?n[o']t exist|do(?:es)? not exist|not exist|no longer exists?|not listed|not valid|not recogni[sz]ed|undeliverable|not local|nonexistent|non-existent|cannot be found|could not be found|unrout)/,
  ],
  [
    'no-mailbox',
    /(?:unknown|no such|invalid|non-?existent|nonexistent|bad|illegal|undefined|unrecogni[sz]ed|unrouteable|not a valid|not a known|unknown or illegal) (?:local )?(?:destination )?(?:user|recipient|mailbox|account|address|alias|local.?part|addressee|rcpt|person|virtual)/,
  ],
  [
    'no-mailbox',
    /recipientnotfound|recipient address(?:es)? rejected ?: access denied|does ?n[o']t have an? [a-z0-9.-]+ account|no (?:mailbox|user|account|recipient)(?: here)? by that name|no mailbox (?:here|found|by)|mailbox not found|mailbox unavailable|user unknown|unknown user|unrouteable|this (?:user|address) does|not our customer|email account that you tried to reach|verify (?:failed|the) (?:recipient|address)|address lookup failed|dd this user|there is no one at this address/,
  ],

  // Where mail goes round, or is not meant to go.
  [
    'routing',
    /loop|too many hops|hop count|too many received|mx (?:record )?(?:points|is) (?:back )?to|loops? back|routing/,
  ],
  [
    'policy',
    /relay(?:ing)? (?:access )?(?:is )?(?:denied|not permitted|not allowed|prohibited)|(?:not|cannot|unable to|won't|will not|do not) (?:permitted to )?relay|relay not permitted|relaying/,
  ],

  // Trouble of their own.
  ['connection', /timed? ?out|timeout/],
  [
    'system',
    /disk (?:is )?full|out of (?:memory|disk)|insufficient (?:system|memory|resource)|no space left|temporary (?:local |system |server |internal |lookup )?(?:problem|failure|error)|internal (?:server )?error|(?:service|system|server|resources?) (?:is |are )?(?:temporarily |currently )?(?:not available|unavailable|down|overload)|local (?:error|problem)|shutting down|going down|maintenance|try again later|load (?:is )?too high|lookup failure|data(?:base)? error|configuration error|mail server misconfig/,
  ],
  [
    'protocol',
    /(?:command|parameter|argument|option)s? (?:is |was )?(?:not |un)(?:recogni[sz]ed|implemented|supported|known|allowed|expected)|(?:unknown|unrecogni[sz]ed|unsupported|unimplemented) (?:command|parameter|option)|syntax error|bad sequence|out of sequence|helo|ehlo|smtputf8|8bitmime|internationali[sz]ed|protocol (?:error|violation)|valid rcpt|need (?:mail|rcpt)|improper use/,
  ],
  [
    'policy',
    /polic(?:y|ies)|not (?:authori[sz]ed|permitted|allowed|accepted|welcome)|permission|access denied|administrative(?:ly)?|prohibit|forbidden|restricted|sender (?:address )?(?:rejected|denied|verif)|refused by|rejected by|(?:is |was )?(?:denied|blocked)|transaction failed|5\.7\.\d/,
  ],
];
