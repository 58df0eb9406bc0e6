// The part of oidc-provider 9 (JavaScript without type declarations) that its workload uses.

declare module 'oidc-provider' {
  import type { RequestListener } from 'node:http';

  export default class Provider {
    constructor(issuer: string, configuration: object);
    callback(): RequestListener;
  }
}
