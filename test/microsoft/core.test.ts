/** Every known token, by the checks alone: quick, and what test/microsoft/alive.test.ts starts from. */

import { describe, expect, it } from 'vitest';
import { bearerTokens, fixtureText } from './fixtures.ts';
import { contextOf, one, registerAll, verdict } from './memory.ts';
import { EDGES, FURTHER, NUMBERED } from './negatives.ts';
import { GOOD, tokenOf } from './tokens.ts';

const registered = await registerAll();
const answer = (recipient: string, token: string): Promise<string> =>
  verdict(token, contextOf(one(registered, recipient)));

describe('a token of the fixtures', () => {
  it.each(bearerTokens)('$name comes to $expect at $recipient', async ({ file, recipient, expect: expected }) => {
    expect(await answer(recipient, fixtureText(file))).toBe(expected);
  });
});

describe('a token that is made here', () => {
  it.each(Object.entries(GOOD))('is accepted: %s', async (_name, { recipient, draft }) => {
    expect(await answer(recipient, tokenOf(draft))).toBe('accept');
  });

  it.each(NUMBERED)('is refused: $name with $expect', async ({ recipient, token, expect: expected }) => {
    expect(await answer(recipient, token)).toBe(expected);
  });

  it.each([...FURTHER, ...EDGES])('is refused: $name with $expect', async ({ recipient, token, expect: expected }) => {
    expect(await answer(recipient, token)).toBe(expected);
  });
});
