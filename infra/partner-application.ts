/**
 * Partner applications as resources of a stack, so that a partner can live in the same code review as what it calls. What this
 * app says of a partner is the whole of it: a deployment takes back what was changed elsewhere.
 */
import { CustomResource, RemovalPolicy, Stack, Token } from 'aws-cdk-lib';
import { Construct, Dependable, type IConstruct } from 'constructs';
import { DEFAULT_REALM } from '../functions/config.ts';
import { chooseAudience, Grant, type GrantOptions } from './grant.ts';
import type { PartnerAudience, PartnerDefinition } from './partner-definition.ts';
import { ANSWER_TIMEOUT, type IPartnerApplication, nameAfter, type PartnerService } from './partner-reference.ts';
import { audienceProblems, definitionProblems, introspectorProblems, nameProblems } from './partner-rules.ts';

/** What a partner is known by. */
export interface PartnerIdentity {
  /** Its OAuth `client_id`: what its own configuration names, so it is chosen, not made. */
  readonly partnerId: string;
  /** @default - the default realm */
  readonly realm?: string;
  /**
   * What tokens can be issued for. Of a partner that is managed elsewhere, those that this app refers to. To take away an audience
   * or a scope that was granted, take the grants away in a deployment before: CloudFormation deletes them after it changes partners.
   * @default - none: it calls others and is not called
   */
  readonly audiences?: readonly PartnerAudience[];
}

export interface PartnerApplicationOptions extends PartnerIdentity, PartnerDefinition {
  /**
   * Whether the partner stays when it leaves the app. A partner whose audiences others hold grants on is not deleted; what this
   * app has granted goes first.
   * @default RemovalPolicy.DESTROY
   */
  readonly removalPolicy?: RemovalPolicy;
}

export interface PartnerApplicationProps extends PartnerApplicationOptions {
  /** The deployment that it belongs to: a `TokenService` of this app, of this or another stack. */
  readonly service: PartnerService;
}

/** What is the same for partners of this app and others. */
abstract class Partner extends Construct implements IPartnerApplication {
  readonly service: PartnerService;
  readonly partnerId: string;
  readonly realm: string;
  readonly audiences: readonly PartnerAudience[];

  constructor(scope: Construct, id: string, service: PartnerService, identity: PartnerIdentity, problems: string[]) {
    super(scope, id);
    this.service = service;
    this.partnerId = identity.partnerId;
    this.realm = identity.realm ?? DEFAULT_REALM;
    this.audiences = identity.audiences ?? [];
    const all = [
      ...nameProblems(this.partnerId, this.realm),
      ...audienceProblems(this.audiences),
      ...introspectorProblems(this.audiences, this),
      ...problems,
    ];
    if (all.length > 0) throw new Error(`${this.node.path}: ${all.join('; ')}`);
  }

  /**
   * Grants it scopes of an audience of another partner, or of its own. All scopes at once: there is one grant for an audience.
   * @throws Error when there is no such audience or scope, or it has a grant for the audience already.
   */
  mayCall(resource: IPartnerApplication, scopes: readonly string[], options: GrantOptions = {}): Grant {
    const chosen = chooseAudience(resource, options.audience);
    const id = Token.isUnresolved(chosen.audience)
      ? `MayCall ${resource.node.path} ${resource.audiences.indexOf(chosen)}`
      : `MayCall ${chosen.audience}`;
    if (this.node.tryFindChild(id.replaceAll('/', '--')) !== undefined) {
      throw new Error(`${this.node.path}: has a grant for ${chosen.audience} already; name all its scopes in one call`);
    }
    return new Grant(this, id, { ...options, client: this, resource, scopes });
  }
}

/** What comes after a partner comes after these, and not after its grants, which come after other partners. */
const dependOn = (partner: Partner, ...dependencyRoots: IConstruct[]): void =>
  Dependable.implement(partner, { dependencyRoots });

/** A partner that this app registers. */
export class PartnerApplication extends Partner {
  /** @throws Error naming everything that is wrong with it. */
  constructor(scope: Construct, id: string, props: PartnerApplicationProps) {
    const { service, partnerId, realm, audiences = [], removalPolicy, ...definition } = props;
    super(scope, id, service, { partnerId, audiences, ...(realm && { realm }) }, definitionProblems(definition));
    const stack = Stack.of(this);
    const { partnerRegistration } = service;
    const partner = new CustomResource(this, 'Resource', {
      resourceType: 'Custom::CountersignPartner',
      serviceToken: partnerRegistration.serviceToken,
      serviceTimeout: ANSWER_TIMEOUT,
      properties: {
        Realm: this.realm,
        PartnerId: partnerId,
        // As text, because CloudFormation makes text of every number and boolean of a property.
        Definition: stack.toJsonString(definition),
        Audiences: stack.toJsonString(audiences.map(namingIntrospectors)),
      },
      removalPolicy: removalPolicy ?? RemovalPolicy.DESTROY,
    });
    nameAfter(partner, partnerRegistration, 'Partner', this.realm, partnerId);
    // Whom an audience names is there before it, and goes after it.
    const introspectors = audiences.flatMap(({ introspectors = [] }) => introspectors);
    partner.node.addDependency(partnerRegistration.firstKeys, ...introspectors);
    dependOn(this, partner);
  }
}

const namingIntrospectors = ({ introspectors, ...audience }: PartnerAudience): object =>
  introspectors === undefined
    ? audience
    : { ...audience, introspectors: introspectors.map(({ partnerId }) => partnerId) };

/** A partner that is managed elsewhere: by the command line, or by another app. */
export class RegisteredPartner extends Partner {
  /** @throws Error naming everything that is wrong with it. */
  constructor(scope: Construct, id: string, props: PartnerIdentity & { readonly service: PartnerService }) {
    super(scope, id, props.service, props, []);
    dependOn(this);
  }
}
