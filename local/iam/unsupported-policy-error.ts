/**
 * The one refusal of the local IAM: a policy element whose meaning it does not know. It is thrown before anything runs,
 * because guessing would let a call through here that AWS denies, or the other way round.
 */

/** Where a refused element stands, e.g. `TokenRole/Policy` / `Sid AllowSign` / `Condition.StringEquals`. */
export interface PolicyPlace {
  /** The document: what the caller of `parsePolicy` calls it. */
  readonly where: string;
  /** The Sid of the statement, its index as `#0`, or undefined for the document itself. */
  readonly statement?: string;
}

/** A policy document that the local IAM cannot judge faithfully. The message names document, statement and element. */
export class UnsupportedPolicyError extends Error {
  readonly where: string;
  readonly statement: string | undefined;
  readonly element: string;

  constructor(place: PolicyPlace, element: string, reason: string) {
    const statement = place.statement === undefined ? '' : `, statement ${place.statement}`;
    super(`policy ${place.where}${statement}: ${element}: ${reason}`);
    this.name = 'UnsupportedPolicyError';
    this.where = place.where;
    this.statement = place.statement;
    this.element = element;
  }
}
