/** A grant as a resource of a stack: "this partner may call that audience of that partner, with these scopes". */
import { CustomResource, RemovalPolicy, Token } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import type { PartnerAudience } from './partner-definition.ts';
import { ANSWER_TIMEOUT, type IPartnerApplication, nameAfter } from './partner-reference.ts';
import { scopeProblems } from './partner-rules.ts';

export interface GrantOptions {
  /**
   * Which of the callee's audiences.
   * @default - the only one that it has
   */
  readonly audience?: string;
  /**
   * Types of authorization details (RFC 9396) that the client may ask for, of those that the audience declares.
   * @default - none
   */
  readonly authorizationDetailsTypes?: readonly string[];
  /**
   * Whether the grant stays when it leaves the app.
   * @default RemovalPolicy.DESTROY
   */
  readonly removalPolicy?: RemovalPolicy;
}

export interface GrantProps extends GrantOptions {
  /** Who may call. */
  readonly client: IPartnerApplication;
  /** Who may be called. */
  readonly resource: IPartnerApplication;
  /** At least one, of those that the audience declares. A second grant for the same audience would replace this one. */
  readonly scopes: readonly string[];
}

export class Grant extends Construct {
  readonly audience: string;

  /** @throws Error saying what is wrong when there is no such audience or scope, or the partners are of different realms. */
  constructor(scope: Construct, id: string, props: GrantProps) {
    super(scope, id);
    const { client, resource, scopes, authorizationDetailsTypes: types = [] } = props;
    const { audience, scopes: declared, authorizationDetails = {} } = chooseAudience(resource, props.audience);
    this.audience = audience;
    const problems = [
      ...(client.service === resource.service ? [] : ['client and resource are of different deployments']),
      ...(client.realm === resource.realm
        ? []
        : [`"${client.partnerId}" is of realm ${client.realm}, "${resource.partnerId}" of realm ${resource.realm}`]),
      ...scopeProblems(scopes, 'the grant'),
      ...undeclared(scopes, declared, `${audience} declares no scope`),
      ...undeclared(types, Object.keys(authorizationDetails), `${audience} declares no authorization details of type`),
    ];
    if (problems.length > 0) throw new Error(`${this.node.path}: ${problems.join('; ')}`);
    const { partnerRegistration } = client.service;
    const grant = new CustomResource(this, 'Resource', {
      resourceType: 'Custom::CountersignGrant',
      serviceToken: partnerRegistration.serviceToken,
      serviceTimeout: ANSWER_TIMEOUT,
      properties: {
        ...{ Realm: client.realm, Client: client.partnerId, Audience: audience, Scopes: scopes },
        ...(types.length === 0 ? {} : { AuthorizationDetailsTypes: types }),
      },
      removalPolicy: props.removalPolicy ?? RemovalPolicy.DESTROY,
    });
    nameAfter(grant, partnerRegistration, 'Grant', client.realm, client.partnerId, audience);
    grant.node.addDependency(client, resource);
  }
}

/** The audience that is meant. @throws Error when that is not clear. */
export const chooseAudience = (resource: IPartnerApplication, wanted: string | undefined): PartnerAudience => {
  const { audiences, partnerId } = resource;
  const [first, ...others] = audiences.filter(({ audience }) => wanted === undefined || audience === wanted);
  const known = audiences.map(({ audience }) => audience).join(', ') || 'none';
  if (first === undefined) {
    throw new Error(`"${partnerId}" has no audience${wanted === undefined ? '' : ` ${wanted}`}; it has ${known}`);
  }
  if (others.length > 0) throw new Error(`"${partnerId}" has several audiences, name one of ${known}`);
  return first;
};

const undeclared = (wanted: readonly string[], declared: readonly string[], problem: string): string[] => {
  if (Token.isUnresolved(declared) || declared.some((each) => Token.isUnresolved(each))) return [];
  return wanted
    .filter((each) => !Token.isUnresolved(each) && !declared.includes(each))
    .map((each) => `${problem} "${each}"; it declares ${declared.join(', ') || 'none'}`);
};
