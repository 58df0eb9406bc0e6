// The part of dynalite 4.0.0 (untyped JavaScript, no `exports` map) that the embedded DynamoDB drives.
// Written from its sources; nothing outside engine.ts, storage.ts and workspace.ts may import it.

declare module 'dynalite/db/index.js' {
  export interface KeyRange {
    gt?: string;
    gte?: string;
    lt?: string;
    lte?: string;
    reverse?: boolean;
    /** -1: no limit. */
    limit?: number;
  }

  export interface ValueIterator {
    /** At most `size` values; none when the range is exhausted. */
    nextv(size: number): Promise<unknown[]>;
    close(): Promise<void>;
  }

  export type Change =
    | { readonly type: 'put'; readonly key: string; readonly value: object }
    | { readonly type: 'del'; readonly key: string };

  /** A LevelDB, on disk or in memory, with JSON values. */
  export interface Level {
    open(): Promise<void>;
    close(): Promise<void>;
    getSync(key: string): unknown;
    batch(changes: readonly Change[]): Promise<void>;
    clear(range: KeyRange): Promise<void>;
    values(range: KeyRange): ValueIterator;
  }

  const db: {
    create(options: { path?: string }): { readonly db: Level };
    /** Answers the error instead of throwing it. */
    validateKey(key: object, table: object): Error | null | undefined;
    validateItem(item: object, table: object): Error | null | undefined;
    createKey(item: object, table: object): string;
    validationError(message: string): Error;
  };
  export default db;
}

declare module 'dynalite/validations/index.js' {
  const validations: {
    checkTypes(input: object, types: object): object;
    checkValidations(input: object, types: object, custom: unknown, store: object): void;
  };
  export default validations;
}

declare module 'dynalite/validations/*.js' {
  const rules: { readonly types: Readonly<Record<string, unknown>>; readonly custom?: unknown };
  export default rules;
}

declare module 'dynalite/actions/*.js' {
  const action: (store: object, request: object, done: (error: unknown, answer?: unknown) => void) => void;
  export default action;
}
