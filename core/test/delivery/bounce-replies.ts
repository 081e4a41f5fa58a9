// Replies as mail servers and providers write them, with names and addresses of documentation, and what they mean.
// `mail`, `rcpt` and `message` say which command was answered.

import type { BounceClass } from '../../src/contract/index.ts';

export type ReplyRow = readonly [BounceClass, 'mail' | 'rcpt' | 'message', string];

export const REPLIES: readonly ReplyRow[] = [
  // Gmail and Google Workspace
  [
    'no-mailbox',
    'rcpt',
    "550 5.1.1 The email account that you tried to reach does not exist. Please try double-checking the recipient's email address for typos or unnecessary spaces. For more information, go to https://support.example/mail/?p=NoSuchUser a1-x.17 - gsmtp",
  ],
  ['inactive', 'rcpt', '550 5.2.1 The email account that you tried to reach is disabled. a1-x.12 - gsmtp'],
  [
    'inactive',
    'rcpt',
    '550 5.2.1 The email account that you tried to reach is inactive. For more information, go to https://support.example/mail/?p=DisabledUser - gsmtp',
  ],
  [
    'quota',
    'rcpt',
    '452 4.2.2 The email account that you tried to reach is over quota. Please direct the recipient to https://support.example/mail/?p=OverQuotaTemp - gsmtp',
  ],
  [
    'quota',
    'rcpt',
    "552 5.2.2 The recipient's inbox is out of storage space and inactive. Please direct the recipient to https://support.example/mail/?p=OverQuotaPerm - gsmtp",
  ],
  [
    'rate',
    'rcpt',
    '450 4.2.1 The user you are trying to contact is receiving mail at a rate that prevents additional messages from being delivered. Please resend your message at a later time. - gsmtp',
  ],
  [
    'rate',
    'message',
    '421 4.7.28 Gmail has detected an unusual rate of unsolicited mail originating from your IP address. To protect our users from spam, mail sent from your IP address has been temporarily rate limited. - gsmtp',
  ],
  [
    'rate',
    'message',
    '421 4.7.0 [192.0.2.1 15] Our system has detected an unusual rate of mail originating from your IP address. To protect our users, mail has been temporarily rate limited. - gsmtp',
  ],
  [
    'spam',
    'message',
    '550 5.7.1 [192.0.2.1 12] Our system has detected that this message is likely unsolicited mail. To reduce the amount of spam sent to Gmail, this message has been blocked. - gsmtp',
  ],
  [
    'authentication',
    'message',
    '550 5.7.26 This mail has been blocked because the sender is unauthenticated. Gmail requires all senders to authenticate with either SPF or DKIM. - gsmtp',
  ],
  [
    'authentication',
    'message',
    "550 5.7.26 Unauthenticated email from sender.example is not accepted due to domain's DMARC policy. Please contact the administrator of sender.example domain if this was a legitimate mail. - gsmtp",
  ],
  [
    'authentication',
    'message',
    '550 5.7.25 [192.0.2.1] The IP address sending this message does not have a PTR record setup, or the corresponding forward DNS entry does not match the sending IP. - gsmtp',
  ],
  [
    'content',
    'message',
    '552 5.7.0 This message was blocked because its content presents a potential security issue. Please visit https://support.example/mail/?p=BlockedMessage to review our message content and attachment content guidelines. - gsmtp',
  ],
  [
    'content',
    'message',
    "552 5.3.4 Your message exceeded Google's message size limits. Please visit https://support.example/mail/?p=MaxSizeError - gsmtp",
  ],
  [
    'content',
    'message',
    '550 5.7.1 [192.0.2.1] Messages missing a valid address in From: header, or having no From: header, are not accepted. - gsmtp',
  ],
  ['rate', 'mail', '421 4.7.0 Try again later, closing connection. Too many concurrent connections - gsmtp'],
  ['system', 'message', '451 4.3.0 Mail server temporarily rejected message. Try again later. - gsmtp'],
  ['tls', 'mail', '530 5.7.0 Must issue a STARTTLS command first. a1-x.3 - gsmtp'],

  // Outlook.com and Exchange Online
  [
    'no-mailbox',
    'rcpt',
    '550 5.5.0 Requested action not taken: mailbox unavailable (S2017062302). [HE1EUR04FT013.eop-eur04.prod.protection.example]',
  ],
  [
    'no-mailbox',
    'rcpt',
    '550 5.4.1 Recipient address rejected: Access denied. For more information see https://aka.example/EXOSmtpErrors [AM7EUR03FT009.eop-EUR03.prod.protection.example]',
  ],
  [
    'no-mailbox',
    'message',
    '550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup',
  ],
  [
    'reputation',
    'mail',
    "550 5.7.1 Unfortunately, messages from [192.0.2.1] weren't sent. Please contact your Internet service provider since part of their network is on our block list (S3150). You can also refer your provider to http://mail.example/mail/troubleshooting.aspx#errors. [BL2NAM02FT040.eop-nam02.prod.protection.example]",
  ],
  [
    'reputation',
    'rcpt',
    '550 5.7.606 Access denied, banned sending IP [192.0.2.1]. To request removal from this list please visit https://sender.example/ and follow the directions. (AS16012609)',
  ],
  [
    'reputation',
    'mail',
    '550 5.7.708 Service unavailable. Access denied, traffic not accepted from this IP. For more information please go to http://go.example/fwlink/?LinkId=526653 (AS7922)',
  ],
  [
    'reputation',
    'rcpt',
    '550 5.7.511 Access denied, banned sender[192.0.2.1]. To request removal from this list please forward this message to us',
  ],
  [
    'rate',
    'mail',
    '451 4.7.650 The mail server [192.0.2.1] has been temporarily rate limited due to IP reputation. For e-mail delivery information, see https://postmaster.example (S775) [DB5EUR01FT046.eop-EUR01.prod.protection.example]',
  ],
  [
    'rate',
    'rcpt',
    '451 4.7.500 Server busy. Please try again later from [192.0.2.1]. (AS77713) [AM5EUR03FT017.eop-EUR03.prod.protection.example]',
  ],
  [
    'authentication',
    'message',
    "550 5.7.515 Access denied, sending domain sender.example does not meet the required authentication level. The sender's domain in the 5322.From address doesn't meet the authentication requirements defined for the sender.",
  ],
  [
    'authentication',
    'message',
    '550 5.7.509 Access denied, sending domain sender.example does not pass DMARC verification and has a DMARC policy of reject.',
  ],
  [
    'spam',
    'message',
    '550 5.7.501 Access denied, spam abuse detected from domain sender.example. Please contact support',
  ],
  [
    'policy',
    'message',
    '550 5.7.520 Access denied, Your organization does not allow external forwarding. Please contact your administrator for further assistance. AS(7555)',
  ],
  [
    'policy',
    'message',
    '550 5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup; authentication required; Delivery restriction check failed because the sender was not authenticated when sending to this group',
  ],
  [
    'quota',
    'message',
    '554 5.2.2 mailbox full; STOREDRV.Deliver.Exception:QuotaExceededException.MapiExceptionShutoffQuotaExceeded; Failed to process message due to a permanent exception',
  ],
  ['system', 'mail', '452 4.3.1 Insufficient system resources (UsedDiskSpace[C:\\Queue])'],
  ['system', 'message', '432 4.3.2 STOREDRV.Deliver; recipient thread limit exceeded'],
  ['content', 'message', '552 5.3.4 Message size exceeds fixed maximum message size'],
  [
    'routing',
    'message',
    '554 5.4.14 Hop count exceeded - possible mail loop ATTR34 [DB5EUR01FT025.eop-EUR01.prod.protection.example]',
  ],
  [
    'no-domain',
    'rcpt',
    '550 5.7.64 TenantAttribution; Relay Access Denied. The domain other.example is not hosted here',
  ],
  [
    'rate',
    'rcpt',
    '452 4.5.3 Too many recipients (AS780090) [VI1EUR04FT041.eop-eur04.prod.protection.example]',
  ],
  [
    'authentication',
    'mail',
    '550 5.7.57 Client not authenticated to send mail. Error: 535 5.7.3 Authentication unsuccessful',
  ],

  // Yahoo and AOL
  [
    'no-mailbox',
    'rcpt',
    "554 delivery error: dd This user doesn't have a yahoo.example account (user@yahoo.example) [0] - mta4001.mail.example",
  ],
  ['no-mailbox', 'message', '552 1 Requested mail action aborted, mailbox not found'],
  [
    'inactive',
    'message',
    '554 30 Sorry, your message to user@yahoo.example cannot be delivered. This mailbox is disabled (554.30). - mta1.mail.example',
  ],
  [
    'rate',
    'mail',
    '421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to unexpected volume or user complaints - 4.16.55.1; see https://postmaster.example/error-codes',
  ],
  [
    'rate',
    'mail',
    '421 4.16.55 [TS01] Messages from 192.0.2.1 temporarily deferred due to excessive user complaints - 4.16.55.1',
  ],
  [
    'reputation',
    'mail',
    "553 5.7.1 [BL21] Connections will not be accepted from 192.0.2.1, because the ip is in Spamhaus's list; see http://postmaster.example/550-bl23.html",
  ],
  [
    'policy',
    'message',
    '554 5.7.9 Message not accepted for policy reasons. See https://postmaster.example/error-codes',
  ],
  ['quota', 'message', '552 5.2.2 Mailbox over quota (user@yahoo.example)'],
  ['authentication', 'message', '554 5.7.5 Permanent Error Evaluating DMARC Policy'],
  [
    'rate',
    'mail',
    '451 4.7.1 Resources temporarily unavailable, too many connections from your host. Please try again later [#4.16.5]',
  ],
  [
    'reputation',
    'mail',
    '554 5.7.1 (RLY:B1) The IP address 192.0.2.1 is blocked due to its reputation. http://postmaster.example',
  ],
  ['authentication', 'mail', '421 4.7.1 (DNS:NR) The IP address 192.0.2.1 has no reverse DNS record'],

  // iCloud
  ['no-mailbox', 'rcpt', '550 5.1.1 unknown or illegal alias: nobody@icloud.example'],
  ['no-mailbox', 'rcpt', '550 5.1.1 <nobody@icloud.example>: user does not exist'],
  ['inactive', 'rcpt', '550 5.1.6 recipient no longer on server: gone@icloud.example inactive account'],
  ['quota', 'rcpt', '552 5.2.2 <user@icloud.example>: user is over quota'],
  [
    'policy',
    'message',
    '554 5.7.1 [HM08] Message rejected due to local policy. Please visit https://support.example/en-us/HT204137',
  ],
  [
    'spam',
    'message',
    '554 5.7.1 [CS01] Message rejected: suspected spam content. Please visit https://support.example',
  ],
  ['reputation', 'mail', '550 5.7.0 Blocked - see https://support.example/proofpoint?ip=192.0.2.1'],
  ['rate', 'mail', '421 4.7.0 Too many connections from your server, slow down'],

  // Postfix
  [
    'no-mailbox',
    'rcpt',
    '550 5.1.1 <nobody@b.example>: Recipient address rejected: User unknown in local recipient table',
  ],
  [
    'no-mailbox',
    'rcpt',
    '550 5.1.1 <spam@b.example>: Recipient address rejected: User unknown in virtual mailbox table',
  ],
  [
    'no-mailbox',
    'rcpt',
    '450 4.1.1 <nobody@b.example>: Recipient address rejected: unverified address: Address lookup failed',
  ],
  ['no-domain', 'rcpt', '450 4.1.2 <b@gone.example>: Recipient address rejected: Domain not found'],
  ['policy', 'rcpt', '554 5.7.1 <b@c.example>: Relay access denied'],
  [
    'reputation',
    'rcpt',
    '554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.example; https://www.spamhaus.example/query/ip/192.0.2.1',
  ],
  ['authentication', 'rcpt', '450 4.7.25 Client host rejected: cannot find your hostname, [192.0.2.1]'],
  ['protocol', 'rcpt', '504 5.5.2 <host>: Helo command rejected: need fully-qualified hostname'],
  ['policy', 'rcpt', '450 4.1.8 <a@a.example>: Sender address rejected: Domain not found'],
  [
    'greylisted',
    'rcpt',
    '450 4.2.0 <b@b.example>: Recipient address rejected: Greylisted, see http://postgrey.example/help/b.example.html',
  ],
  ['content', 'mail', '552 5.3.4 Message size exceeds fixed limit'],
  ['system', 'mail', '452 4.3.1 Insufficient system storage'],
  ['system', 'rcpt', '451 4.3.0 <b@b.example>: Temporary lookup failure'],
  ['system', 'rcpt', '451 4.3.5 <b@b.example>: Recipient address rejected: Server configuration error'],
  ['routing', 'message', '554 5.4.6 Error: too many hops'],
  ['tls', 'mail', '530 5.7.0 Must issue a STARTTLS command first'],
  ['rate', 'rcpt', '450 4.7.1 Error: too much mail from 192.0.2.1'],
  ['rate', 'rcpt', '452 4.5.3 Error: too many recipients'],
  ['protocol', 'mail', '502 5.5.2 Error: command not recognized'],
  [
    'quota',
    'rcpt',
    '452 4.2.2 <b@b.example>: Recipient address rejected: Mailbox is full / Blocks limit exceeded / Inode limit exceeded',
  ],
  ['content', 'message', '550 5.7.1 Message contains a banned attachment: invoice.exe'],
  ['policy', 'rcpt', '550 5.7.1 <a@a.example>: Sender address rejected: not owned by user b'],

  // Exim and cPanel
  ['no-mailbox', 'rcpt', '550 No Such User Here'],
  ['no-mailbox', 'rcpt', '550 Unrouteable address'],
  ['no-mailbox', 'rcpt', '550 5.1.1 <nobody@b.example> is not a valid mailbox'],
  ['policy', 'rcpt', '550 relay not permitted'],
  ['policy', 'rcpt', '550-Verification failed for <a@a.example> 550 Sender verify failed'],
  ['system', 'rcpt', '451 Temporary local problem - please try later'],
  ['greylisted', 'rcpt', '451 You are being greylisted, please try again in 300 seconds'],
  ['spam', 'message', '550 This message was classified as SPAM and may not be delivered'],
  ['content', 'message', '550 This message contains a virus (Eicar-Test-Signature).'],
  ['reputation', 'rcpt', '550 rejected because 192.0.2.1 is in a black list at bl.spamcop.example'],
  ['system', 'message', '451 Administrative: database error'],
  ['quota', 'message', '552 5.2.2 mailbox for b@b.example exceeds its disk quota'],
  ['content', 'mail', '552 Message size exceeds maximum permitted'],
  [
    'rate',
    'rcpt',
    '451 The domain a.example has exceeded the max emails per hour (500/500) allowed. Message will be reattempted later',
  ],
  ['protocol', 'mail', '503 5.5.1 Bad sequence of commands'],

  // Dovecot, Cyrus, qmail, Zimbra and others
  ['quota', 'message', '452 4.2.2 <b@b.example> Quota exceeded (mailbox for user is full)'],
  ['no-mailbox', 'rcpt', "550 5.1.1 <nobody@b.example> User doesn't exist: nobody@b.example"],
  ['no-mailbox', 'rcpt', '550 Sorry, no mailbox here by that name. (#5.1.1)'],
  [
    'no-domain',
    'rcpt',
    "553 sorry, that domain isn't in my list of allowed rcpthosts; domain does not exist here (#5.7.1)",
  ],
  [
    'no-mailbox',
    'rcpt',
    '550-Mailbox unknown.  Either there is no mailbox associated with this 550-name or you do not have authorization to see it. 550 5.1.1 User unknown',
  ],
  ['quota', 'rcpt', '452 4.2.2 Over quota'],
  ['no-mailbox', 'rcpt', '511 5.1.1 unknown address or alias'],
  ['inactive', 'rcpt', '550 5.2.1 Mailbox disabled, not accepting messages'],
  ['inactive', 'rcpt', '525 5.7.13 User Account Disabled'],
  ['no-domain', 'rcpt', '556 5.1.10 Recipient address has null MX'],

  // GMX, web.de, T-Online, Orange, Mail.ru, QQ, Mimecast, Barracuda, Proofpoint
  [
    'reputation',
    'mail',
    '554 No SMTP service - IP address is block listed. For explanation visit https://postmaster.example/en/case?c=r0301&i=ip&v=192.0.2.1',
  ],
  [
    'no-mailbox',
    'rcpt',
    '550 Requested action not taken: mailbox unavailable. For explanation visit https://postmaster.example/en/case?c=r0103',
  ],
  [
    'authentication',
    'mail',
    '554 IP=192.0.2.1 - None/bad reputation? No: PTR record missing. Ask your postmaster',
  ],
  [
    'rate',
    'mail',
    '421 4.7.0 service refused, please try later. Too many connections, slow down. OFR004_104 [104]',
  ],
  ['reputation', 'mail', '550 5.7.1 Service refused, IP 192.0.2.1 listed on Spamhaus. OFR006_102'],
  ['spam', 'message', '550 spam message rejected. Please visit http://help.example/notspam-support/id?c=1'],
  ['rate', 'mail', '450 4.7.1 Rate limit exceeded, try again later. Too many messages from this IP'],
  [
    'policy',
    'rcpt',
    '550 Administrative prohibition - envelope blocked - https://community.example/docs/DOC-1369#550',
  ],
  [
    'greylisted',
    'rcpt',
    '451 Internal resources are temporarily unavailable - greylisted - https://community.example/docs/DOC-1369#451',
  ],
  [
    'reputation',
    'rcpt',
    '554 Service unavailable; Client host [192.0.2.1] blocked using Barracuda Reputation; http://www.barracudanetworks.example/reputation/?r=1&ip=192.0.2.1',
  ],
  ['reputation', 'mail', '554 Blocked - see https://ipcheck.proofpoint.example/?ip=192.0.2.1'],
  ['no-mailbox', 'rcpt', '550 5.1.1 User Unknown'],
  ['rate', 'mail', '421 Too many concurrent SMTP connections from this IP address; please try again later.'],
  [
    'rate',
    'rcpt',
    '550 Mail content denied, connection frequency limited: sending rate too fast. http://service.example/cgi-bin/help?id=20022',
  ],
  ['inactive', 'rcpt', '550 The mailbox of this user has been suspended'],
  ['reputation', 'mail', '550 Dynamic IP addresses are not accepted: your host is a dynamically assigned IP'],
  [
    'authentication',
    'message',
    '550 5.7.23 The message was rejected because of Sender Policy Framework violation',
  ],
  ['content', 'message', '550 5.6.0 Lone CR or LF in headers: bare LF not allowed'],
  ['tls', 'mail', '550 5.7.10 Encryption needed: this server requires TLS'],
  ['protocol', 'mail', '555 5.5.4 Unsupported option: SMTPUTF8'],
  ['other', 'rcpt', '450 Gefällt mir nicht'],
  ['other', 'message', '554 Kein Anschluss unter dieser Nummer'],
];
