import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseCsv } from '../../cli/csv.ts';
import { parseUsers } from '../../cli/user-file.ts';

const fields = (text: string) => parseCsv(text, 'x.csv').map((record) => record.fields);

describe('comma-separated values', () => {
  it.each([
    ['', []],
    ['a', [['a']]],
    [
      'a,b\nc,d\n',
      [
        ['a', 'b'],
        ['c', 'd'],
      ],
    ],
    [
      'a,b\r\nc,d\r\n',
      [
        ['a', 'b'],
        ['c', 'd'],
      ],
    ],
    [
      'a,\n,b',
      [
        ['a', ''],
        ['', 'b'],
      ],
    ],
    ['a,', [['a', '']]],
    ['"a","b"', [['a', 'b']]],
    ['"a,""b""\nc",d', [['a,"b"\nc', 'd']]],
    ['""', []],
    ['a\n\n\nb\n', [['a'], ['b']]],
    [' a , b', [[' a ', ' b']]],
  ] as [string, string[][]][])('%j are %j', (text, records) => {
    expect(fields(text)).toEqual(records);
  });

  it.each([
    ['a"b', 1],
    ['a\n"b', 2],
    ['"a" ,b', 1],
    ['"a"b', 1],
    ['a,b\n"c\nd",e\nf,"g', 4],
    ['a\rb', 1],
    ['a,b\nc', 2],
    ['a\nb\nc,d', 3],
  ])('%j are refused with line %i', (text, line) => {
    expect(() => parseCsv(text, 'x.csv')).toThrow(new RegExp(`^x\\.csv:${line}: `));
  });

  it('tell the line on which each record begins', () => {
    expect(parseCsv('a\n"b\nc"\n\nd', 'x').map(({ line }) => line)).toEqual([1, 2, 5]);
  });

  it('are read as they were written, whatever they hold', () => {
    const rows = fc.integer({ min: 2, max: 4 }).chain((width) =>
      fc.array(
        fc.array(fc.string({ unit: fc.constantFrom('a', '"', ',', '\n', '\r', ' ') }), {
          ...{ minLength: width, maxLength: width },
        }),
      ),
    );
    fc.assert(
      fc.property(rows, fc.constantFrom('\n', '\r\n'), (records, end) => {
        const text = records.map((row) => row.map((field) => `"${field.replaceAll('"', '""')}"`).join(',')).join(end);
        expect(fields(text)).toEqual(records);
      }),
    );
  });

  it('are read in one go, however long a field is', () => {
    const long = 'x""'.repeat(400_000);
    expect(fields(`"${long}",b`)[0]?.[0]).toHaveLength(800_000);
  });
});

describe('a file of users', () => {
  const read = (text: string) => parseUsers(text, 'f').map(({ place, id, identifiers }) => [place, id, identifiers]);

  it.each([
    ['Get-ADUser', 'UserPrincipalName,mail,SID\nA@b,M@b,S-1-5-18', { upn: 'a@b', smtp: 'm@b', sid: 's-1-5-18' }],
    ['Get-Mailbox', 'UserPrincipalName,PrimarySmtpAddress,Alias\na@b,SMTP:m@b,al', { upn: 'a@b', smtp: 'm@b' }],
    ['Get-CsUser', 'SipAddress,UserPrincipalName\nsip:s@b,a@b', { upn: 'a@b', sip: 's@b' }],
    ['Windows PowerShell', '#TYPE Selected.User\r\n"userprincipalname"\r\n"a@b"\r\n', { upn: 'a@b' }],
  ])('is CSV as %s gives it', (_what, text, identifiers) => {
    expect(read(text)).toEqual([[expect.stringMatching(/^f:[23]$/), 'a@b', identifiers]]);
  });

  it('is JSON as the command line writes it, or PowerShell does', () => {
    const items = [
      { id: 'adam', upn: 'A@b', version: 3 },
      { UserPrincipalName: 'e@b', SID: { BinaryLength: 28, Value: 'S-1-5-18' }, mail: null, Enabled: true },
    ];
    expect(read(JSON.stringify(items))).toEqual([
      ['f[0]', 'adam', { upn: 'a@b' }],
      ['f[1]', 'e@b', { upn: 'e@b', sid: 's-1-5-18' }],
    ]);
  });

  it('calls whoever has no id by the first identifier', () => {
    expect(read('id,puid,smtp\n,0,m@b\nx,0,m@b\n,0,\n,,').map(([, id]) => id)).toEqual(['m@b', 'x', '0', '']);
  });

  it.each([
    ['', 'has none of the columns'],
    ['name;upn\na;b', 'has none of the columns'],
    ['mail,PrimarySmtpAddress\na@b,a@b', 'f:1: more than one column is the smtp'],
    ['[{"upn":"a@b","UPN":"c@d"}]', 'f[0]: more than one column is the upn'],
    ['[{"upn":1}]', 'f[0]: upn is not text'],
    ['{"upn":"a@b"}', 'is not a list of users'],
    ['["a@b"]', 'is not a list of users at /0'],
    ['[{"upn"', 'f is not JSON'],
  ])('is not %j', (text, message) => {
    expect(() => parseUsers(text, 'f')).toThrow(message);
  });
});
