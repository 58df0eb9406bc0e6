import { describe, expect, it } from 'vitest';
import { readInput } from '../../cli/io.ts';

const ioWith = (stdin: AsyncIterable<Uint8Array>) => ({
  env: {},
  stdin,
  stdout: { write: () => true },
  stderr: { write: () => true },
});

describe('what a command reads', () => {
  it('ends by itself where the input does not', async () => {
    let given = 0;
    const endless = async function* () {
      for (;;) {
        given += 1;
        yield new Uint8Array(1024 * 1024);
      }
    };
    await expect(readInput(ioWith(endless()), '-')).rejects.toThrow('standard input has more than 33554432 bytes');
    expect(given).toBe(33);
  });

  it('says which file it cannot read, and not what is in it', async () => {
    await expect(readInput(ioWith((async function* () {})()), '/nowhere/x')).rejects.toThrow(
      'cannot read /nowhere/x: ENOENT',
    );
  });
});
