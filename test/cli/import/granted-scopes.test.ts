import { describe, expect, it } from 'vitest';
import { settleScopes } from '../../../cli/import/granted-scopes.ts';

const owner = { resource: 'api' };
const grant = (client: string, ...scopes: string[]) => ({ client, audience: 'api', scopes: new Set(scopes) });
const numbered = (count: number, length = 4) =>
  Array.from({ length: count }, (_, index) => String(index).padStart(length, 's'));

describe('settleScopes', () => {
  it('keeps only granted scopes of a resource that has more than an audience takes', () => {
    const scopes = numbered(300);
    const settled = settleScopes('api', { owner, scopes, isClosed: true }, [
      grant('a', 'ss12'),
      grant('b', 's120', 'ss12'),
    ]);
    expect(settled.scopes).toEqual(['s120', 'ss12']);
    expect(settled.grants).toEqual(
      new Map([
        ['a', ['ss12']],
        ['b', ['s120', 'ss12']],
      ]),
    );
    expect(settled.notes).toEqual([
      {
        text: '"api" has 300 scopes, more than an audience takes (64, 2048 characters): only those that clients hold were kept',
      },
    ]);
  });

  it('says that a resource has to be divided where clients hold more scopes than an audience takes', () => {
    const scopes = numbered(40, 100);
    const settled = settleScopes('api', { owner, scopes }, [grant('a', ...scopes)]);
    expect(settled.scopes).toEqual([...scopes].sort());
    expect(settled.notes.at(-1)?.text).toMatch(/: divide it into several audiences before applying the file$/);
  });

  it('keeps as many scopes as an audience takes', () => {
    expect(settleScopes('api', { owner, scopes: numbered(64) }, [])).toMatchObject({
      scopes: numbered(64).sort(),
      notes: [],
    });
  });

  it('adds what clients hold to a resource whose scopes are not all told, and to no other', () => {
    const open = settleScopes('api', { owner, scopes: ['read'] }, [grant('a', 'write')]);
    expect([open.scopes, open.grants.get('a')]).toEqual([['read', 'write'], ['write']]);
    const closed = settleScopes('api', { owner, scopes: ['read'], isClosed: true }, [grant('a', 'write')]);
    expect([closed.scopes, closed.grants.get('a')]).toEqual([['read'], undefined]);
    expect(closed.notes).toEqual([{ client: 'a', text: '"api" has no scope "write": left out' }]);
  });

  it.each(['two words', 'quo"te', 'back\\slash', 'ümlaut', 'x'.repeat(129)])(
    'leaves out %j, which is no scope',
    (scope) => {
      const settled = settleScopes('api', { owner, scopes: ['read', scope] }, [grant('a', scope, 'read')]);
      expect([settled.scopes, settled.grants.get('a')]).toEqual([['read'], ['read']]);
    },
  );
});
