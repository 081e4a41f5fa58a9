// Reports as servers and providers write them, with names and addresses of documentation.

const crlf = (text: string): Buffer => Buffer.from(text.replace(/\r?\n/g, '\r\n'), 'utf8');

const report = (type: string, parts: string): Buffer =>
  crlf(`From: Mail Delivery System <MAILER-DAEMON@mx.b.example>
To: bounces@lists.example
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=${type};
\tboundary="B1.x/mx.b.example"

This is a MIME-encapsulated message.

--B1.x/mx.b.example
Content-Type: text/plain; charset=us-ascii

I'm sorry to have to inform you.

${parts}
--B1.x/mx.b.example--
`);

export const POSTFIX = report(
  'delivery-status',
  `--B1.x/mx.b.example
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.b.example
X-Postfix-Queue-ID: 4F0A1
X-Postfix-Sender: rfc822; bounces@lists.example
Arrival-Date: Mon,  5 Jan 2026 12:00:00 +0000 (UTC)

Final-Recipient: rfc822; ann@b.example
Original-Recipient: rfc822;ann+list@b.example
Action: failed
Status: 5.1.1
Remote-MTA: dns; mail.b.example
Diagnostic-Code: smtp; 550 5.1.1 <ann@b.example>: Recipient address rejected:
    User unknown in virtual mailbox table

Final-Recipient: rfc822; bob@b.example
Action: delayed
Status: 4.2.2
Diagnostic-Code: smtp; 452 4.2.2 over quota

--B1.x/mx.b.example
Content-Description: Undelivered Message
Content-Type: message/rfc822

Return-Path: <bounces@lists.example>
Message-ID: <m1@lists.example>
Subject: hello

Hi`,
);

/** RFC 6533, in base64 as a server without 8BITMIME writes it. */
export const GLOBAL = report(
  'delivery-status',
  `--B1.x/mx.b.example
Content-Type: message/global-delivery-status
Content-Transfer-Encoding: base64

${Buffer.from('Reporting-MTA: dns; mx.b.example\r\n\r\nFinal-Recipient: utf-8; \\x{E9}ve@b.example\r\nAction: failed\r\nStatus: 5.1.1\r\n').toString('base64')}

--B1.x/mx.b.example
Content-Type: message/global-headers

Message-ID: <m2@lists.example>`,
);

export const ARF = report(
  'feedback-report',
  `--B1.x/mx.b.example
Content-Type: message/feedback-report

Feedback-Type: abuse
User-Agent: SomeGenerator/1.0
Version: 1
Original-Mail-From: <bounces@lists.example>
Original-Rcpt-To: <ann@b.example>
Original-Rcpt-To: <bob@b.example>
Source-IP: 192.0.2.1
Reported-Domain: lists.example

--B1.x/mx.b.example
Content-Type: message/rfc822

Return-Path: <bounces@lists.example>
Message-ID: <m3@lists.example>
Subject: hello

Hi`,
);

export const EXIM = crlf(`From: Mail Delivery System <Mailer-Daemon@exim.b.example>
To: bounces@lists.example
X-Failed-Recipients: ann@b.example,
  bob@b.example
Auto-Submitted: auto-replied
Subject: Mail delivery failed: returning message to sender

This message was created automatically by mail delivery software.

  ann@b.example
    host mail.b.example [192.0.2.9]
    SMTP error from remote mail server after RCPT TO:<ann@b.example>:
    550 5.1.1 No such user here
`);

/** Exchange leaves the fields of the message out of nothing, but nests the report in a multipart/mixed. */
export const NESTED = crlf(`From: postmaster@b.example
Content-Type: multipart/mixed; boundary=outer

--outer
Content-Type: multipart/report; report-type=delivery-status; boundary=inner

--inner
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: quoted-printable

<p>Ihre Nachricht wurde nicht zugestellt =E2=80=94 Adresse unbekannt</p>
--inner
Content-Type: message/delivery-status

Final-Recipient: RFC822;<ann@b.example> (Ann)
Action: Failed (bad destination mailbox address)
Status: 5.1.10 (RecipientNotFound)
Diagnostic-Code: smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found
--inner--
--outer--
`);

export const ORDINARY = crlf(`From: Ann <ann@b.example>
To: bounces@lists.example
Subject: please take me off
Content-Type: text/plain

Final-Recipient: rfc822; bob@b.example
Action: failed
`);
