/**
 * A realm in a model of the world: one true time and clocks that differ from it, rings that are written by version, a KMS, issuers
 * and public key sets that are behind, runs and commands that stop at every call. The code of the flows is the real one.
 * Everything that happens is kept, for the invariants to look at afterwards.
 */

import type { JwsAlgorithm } from '../../functions/core/algorithms.ts';
import { accept } from '../../functions/core/errors.ts';
import {
  activeKey,
  type KeyRing,
  publishedKeys,
  type RotationPolicy,
  withCertificates,
} from '../../functions/core/key-ring.ts';
import { jwks } from '../../functions/core/metadata.ts';
import type { EpochSeconds } from '../../functions/core/partner.ts';
import { manageKeys } from '../../functions/flows/manage-keys.ts';
import { rotateKeys } from '../../functions/flows/rotate-keys.ts';
import { signToken } from '../../functions/flows/sign-token.ts';
import type { StepPorts } from '../../functions/flows/take-rotation-step.ts';
import { NOW, REALM } from '../support/builders.ts';
import { issue as issueCertificate } from '../support/certificate-authority.ts';
import { issue, REQUEST_SECONDS, type Token } from './issuing.ts';
import { isEnabled, KeyService, type ServiceKey } from './key-service.ts';
import { type Fate, Process } from './process.ts';

/** What a test puts in the place of the real thing, to see that somebody notices. */
export interface Replacements {
  readonly ports?: (ports: StepPorts) => StepPorts;
  readonly policy?: (policy: RotationPolicy) => RotationPolicy;
  readonly signToken?: typeof signToken;
  readonly jwks?: typeof jwks;
  readonly ignoresVersions?: boolean;
}

export interface WorldOptions {
  readonly algorithms: readonly JwsAlgorithm[];
  readonly policy: RotationPolicy;
  readonly disableSeconds: number;
  readonly listSeconds: number;
  readonly replace: Replacements;
}

/** The settings of a deployment, and since when. */
export interface Settings {
  readonly from: EpochSeconds;
  /** How many writes there were before. */
  readonly afterSaves: number;
  readonly policy: RotationPolicy;
}

/** What one write did. */
export interface Save {
  readonly time: EpochSeconds;
  /** In force at the start of whoever wrote. */
  readonly settings: Settings;
  readonly before: KeyRing | undefined;
  readonly after: KeyRing;
  readonly by: Process;
}

/** A key was put to use. */
export interface Activation {
  readonly save: Save;
  readonly kid: string;
  readonly isNamedEverywhere: boolean;
  /** Of its ring: nobody could have a key set without it. */
  readonly isFirst: boolean;
}

/** A command that was carried out, or may have been. */
export interface Command {
  readonly kind: 'rotate' | 'rotate-at' | 'renew' | 'revoke' | 'break-glass' | 'hold' | 'release' | 'add';
  readonly kid?: string;
  readonly process: Process;
  /** What `revoke` said: for how long verifiers may not know the key that signs now. */
  unverifiableSeconds?: number;
}

export interface RunOptions {
  /** How far its clock is ahead. */
  readonly skew: number;
  readonly fate?: Fate | undefined;
  readonly hasSlowAnswers?: boolean;
}

/** A place where the public key set is served, and whether it is cut off from the rings since some time. */
export interface Region {
  cutOffWith: ReadonlyMap<JwsAlgorithm, KeyRing> | undefined;
}

/** As long as the deployed functions may take. */
const RUN_SECONDS = 120;

export class World {
  time: EpochSeconds = NOW;
  readonly rings = new Map<JwsAlgorithm, KeyRing>();
  readonly saves: Save[] = [];
  readonly tokens: Token[] = [];
  readonly activations: Activation[] = [];
  readonly commands: Command[] = [];
  readonly policies: Settings[];
  readonly regions: readonly Region[] = [{ cutOffWith: undefined }, { cutOffWith: undefined }];
  readonly kms: KeyService;
  readonly log: string[] = [];
  readonly options: WorldOptions;
  /** Runs, commands and token requests that are under way. */
  processes: Process[] = [];
  /** What runs threw that nobody did to them. */
  readonly faults: unknown[] = [];
  readonly #first: Settings;
  /** The settings that were in force when a process began; it may have read them before they changed in the same second. */
  readonly #known = new WeakMap<Process, Settings>();
  #ids = 0;
  #certificates = 0;

  constructor(options: WorldOptions) {
    this.options = options;
    this.#first = { from: this.time, afterSaves: 0, policy: options.policy };
    this.policies = [this.#first];
    this.kms = new KeyService({ now: () => this.time, ...options });
  }

  get policy(): RotationPolicy {
    return this.policies.at(-1)?.policy ?? this.options.policy;
  }

  changeSettings(change: Partial<RotationPolicy>): void {
    this.note(`settings ${JSON.stringify(change)}`);
    this.policies.push({ from: this.time, afterSaves: this.saves.length, policy: { ...this.policy, ...change } });
  }

  note(text: string): void {
    this.log.push(`${this.time - NOW} ${text}`);
  }

  /** Lets time pass; what takes longer than it may is killed on the way. */
  async wait(seconds: number): Promise<void> {
    const until = this.time + seconds;
    for (const process of [...this.processes].sort((a, b) => a.endsAt - b.endsAt)) {
      if (process.isDone || process.endsAt > until) continue;
      this.time = Math.max(this.time, process.endsAt);
      this.note(`${process.name} is killed`);
      await process.kill();
    }
    this.#clear();
    this.time = until;
  }

  /** Whether some ring of the realm signs, so that the key set is served. */
  isLive(rings: ReadonlyMap<JwsAlgorithm, KeyRing> = this.rings): boolean {
    return [...rings.values()].some((ring) => ring.keys.some((key) => key.activatedAt !== undefined));
  }

  /** Whether this region tells verifiers of the key. */
  shows(region: Region, kid: string): boolean {
    const rings = region.cutOffWith ?? this.rings;
    return this.isLive(rings) && [...rings.values()].some((ring) => publishedKeys(ring).some((key) => key.kid === kid));
  }

  jwksOf(rings: readonly KeyRing[]): string {
    return JSON.stringify((this.options.replace.jwks ?? jwks)(rings));
  }

  startRun(steps: number, run: RunOptions): Promise<Process> {
    return this.#start(`run of ${steps}`, RUN_SECONDS, run, (process) => this.#rotate(process, run)(steps));
  }

  /** @param afterSeconds from now, for a rotation that is ordered for later. */
  startCommand(
    kind: Command['kind'],
    target: JwsAlgorithm | string,
    run: RunOptions,
    afterSeconds = 0,
  ): Promise<Process> {
    return this.#start(`${kind} ${target.slice(0, 6)}`, RUN_SECONDS, run, async (process) => {
      const command: Command = { kind, kid: target, process };
      this.commands.push(command);
      const ports = this.#ports(process, run);
      const policy = this.#policyOf();
      const manage = manageKeys({
        ...ports,
        rotate: async () => this.#rotate(process, run),
        policyOf: async () => policy,
      });
      if (kind === 'rotate') await manage.rotateNow(REALM, target as JwsAlgorithm);
      else if (kind === 'rotate-at') await manage.rotateAt(REALM, target as JwsAlgorithm, this.time + afterSeconds);
      else if (kind === 'renew') await this.#renew(ports, target);
      else if (kind === 'add') await manage.add(REALM, target as JwsAlgorithm);
      else if (kind === 'hold' || kind === 'release') await manage[kind](REALM, target);
      else {
        const revoked = await manage.revoke(REALM, target, kind === 'break-glass');
        if (revoked.ok) command.unverifiableSeconds = revoked.value.unverifiableSeconds;
      }
    });
  }

  startIssuing(issuer: number, algorithm: JwsAlgorithm, run: RunOptions): Promise<Process> {
    return this.#start(`issuer ${issuer} ${algorithm}`, REQUEST_SECONDS, run, (process) =>
      issue(this, process, issuer, algorithm, run.skew),
    );
  }

  sign(...call: Parameters<typeof signToken>): ReturnType<typeof signToken> {
    return (this.options.replace.signToken ?? signToken)(...call);
  }

  async #start(
    name: string,
    lifeSeconds: number,
    { fate, hasSlowAnswers = false, skew }: RunOptions,
    body: (process: Process) => Promise<unknown>,
  ): Promise<Process> {
    const doom = fate === undefined ? '' : `, ${fate.kind} ${fate.when} call ${fate.at}`;
    this.note(`${name}, clock ${skew}${doom}`);
    const known = this.policies.at(-1) ?? this.#first;
    const process = await Process.start({ name, lifeSeconds, startedAt: this.time, fate, hasSlowAnswers }, (begun) => {
      this.#known.set(begun, known);
      return body(begun);
    });
    this.processes.push(process);
    return process;
  }

  /** Forgets what is done. */
  #clear(): void {
    for (const { fault } of this.processes) if (fault !== undefined) this.faults.push(fault);
    this.processes = this.processes.filter((process) => !process.isDone);
  }

  #policyOf(): RotationPolicy {
    return (this.options.replace.policy ?? ((policy) => policy))(this.policy);
  }

  #rotate(process: Process, run: RunOptions): ReturnType<typeof rotateKeys> {
    const settings = { realm: REALM, algorithms: this.options.algorithms, policy: this.#policyOf() };
    return rotateKeys(this.#ports(process, run), settings);
  }

  #ports(process: Process, { skew }: RunOptions): StepPorts {
    const { kms } = this;
    const ports: StepPorts = {
      clock: { now: () => this.time + skew },
      ids: { next: () => `creation-${++this.#ids}` },
      rings: {
        load: (_realm, algorithm) => process.call(() => this.rings.get(algorithm)),
        list: () => process.call(() => [...this.rings.values()]),
        save: (ring) => process.call(() => this.#save(ring, process)),
      },
      vault: {
        create: (realm, algorithm, id) => process.call(() => kms.create(realm, algorithm, id)).then(described),
        listTagged: (realm, algorithm) =>
          process.call(() =>
            kms
              .list()
              .filter((key) => key.realm === realm && key.algorithm === algorithm)
              .map((key) => ({ ...described(key), creationId: key.creationId })),
          ),
        disable: (keyArn) => process.call(() => kms.disable(keyArn)),
        lastUsedAt: (keyArn) => process.call(() => kms.find(keyArn)?.lastUsedAt),
        scheduleDeletion: (keyArn) => process.call(() => kms.scheduleDeletion(keyArn)),
        cancelDeletion: (keyArn) => process.call(() => (kms.cancelDeletion(keyArn) ? 'cancelled' : 'gone')),
      },
      // Certificates are real, and not those of the keys: nobody here looks into them.
      selfSign: async (_algorithm, { keyArn }) => {
        await process.call(() => kms.sign(keyArn, 'certificate'));
        return accept(await this.#nextCertificate());
      },
      signer: { sign: ({ keyArn }, _algorithm, input) => process.call(() => kms.sign(keyArn, input)) },
      published: { name: (kid) => process.call(() => this.regions.every((region) => this.shows(region, kid))) },
    };
    return this.options.replace.ports?.(ports) ?? ports;
  }

  async #nextCertificate(): Promise<readonly [string]> {
    this.#certificates += 1;
    return [await certificateNumber(this.#certificates)];
  }

  /** A certificate by hand, for a key that does not sign yet; the whole of that command is for real keys only. */
  async #renew({ rings, clock }: StepPorts, kid: string): Promise<void> {
    const ring = (await rings.list(REALM)).find(({ keys }) => keys.some((key) => key.kid === kid));
    const key = ring?.keys.find((each) => each.kid === kid);
    if (ring === undefined || key === undefined || !['created', 'standby'].includes(key.state)) return;
    await rings.save(withCertificates(ring, kid, await this.#nextCertificate(), clock.now()));
  }

  #save(ring: KeyRing, by: Process): 'saved' | 'conflict' {
    const before = this.rings.get(ring.algorithm);
    if ((before?.version ?? 0) !== ring.version - 1 && this.options.replace.ignoresVersions !== true) return 'conflict';
    const settings = this.#known.get(by) ?? this.#first;
    const save = { time: this.time, settings, before, after: ring, by };
    this.#watchActivation(save);
    this.rings.set(ring.algorithm, ring);
    this.saves.push(save);
    this.note(`  ${by.name}: ${ring.algorithm} ${ring.version} ${ring.keys.map(brief).join(' ')}`);
    return 'saved';
  }

  /** Looks at what the Regions say at this very moment, before the write is done. */
  #watchActivation(save: Save): void {
    const active = activeKey(save.after);
    if (active === undefined || active.kid === (save.before === undefined ? undefined : activeKey(save.before)?.kid))
      return;
    const isNamedEverywhere = this.regions.every((region) => this.shows(region, active.kid));
    const isFirst = (active.activateNotBefore ?? 0) <= (active.publishedAt ?? 0) || !this.isLive();
    this.activations.push({ save, kid: active.kid, isNamedEverywhere, isFirst });
  }

  /** Usable keys of KMS that no ring knows. */
  orphans(): readonly ServiceKey[] {
    const known = new Set([...this.rings.values()].flatMap((ring) => ring.keys.map((key) => key.keyArn)));
    return [...this.kms.keys.values()].filter((key) => isEnabled(key) && !known.has(key.keyArn));
  }

  activeKid(algorithm: JwsAlgorithm): string | undefined {
    const ring = this.rings.get(algorithm);
    return ring === undefined ? undefined : activeKey(ring)?.kid;
  }
}

const described = ({ kid, keyArn, jwk, createdAt }: ServiceKey) => ({ kid, keyArn, jwk, createdAt });

const certificates: Promise<string>[] = [];

/** The same ones for every world: each costs a key. */
const certificateNumber = (index: number): Promise<string> => {
  certificates[index] ??= issueCertificate({ name: `certificate ${index}` }).then(({ base64 }) => base64);
  return certificates[index];
};

const brief = ({ keyArn, state, hold }: KeyRing['keys'][number]): string =>
  `${keyArn.slice(8)}:${state}${hold === true ? '(held)' : ''}`;
