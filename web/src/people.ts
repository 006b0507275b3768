/** Who is here: nobody yet, a guest, or somebody with an account. */
import { ApiError, codeOf, type Api } from './api';
import type { Me, Person, Tier } from './contract';
import { CallError, sentence, signInFirst, tryAgain, type Problem } from './errors';

export class People {
  /** Null until the server has said it. */
  me: Me | null = null;
  /** The server has no people at all, or cannot look after them now: why. */
  trouble: ApiError | null = null;
  private welcoming: Promise<void> | null = null;
  private loading: Promise<void> | null = null;

  constructor(
    private readonly api: Api,
    private readonly changed: () => void,
  ) {}

  get person(): Person | null {
    return this.me?.person ?? null;
  }

  get defaultTier(): Tier {
    return this.person?.default_tier ?? this.me?.default_tier ?? 'standard';
  }

  /** Asks the server, unless it is being asked. */
  load(): Promise<void> {
    this.loading ??= this.ask().finally(() => (this.loading = null));
    return this.loading;
  }

  /** Makes a visitor a guest, where guests are welcome. Throws a `CallError` when one has to sign in. */
  async somebody(): Promise<void> {
    if (this.person) return;
    this.welcoming ??= this.welcome().finally(() => (this.welcoming = null));
    return this.welcoming;
  }

  async signUp(name: string, password: string, invite: string): Promise<void> {
    const body = { name, password };
    this.become(await this.api.signUp(invite ? { ...body, invite } : body));
  }

  async signIn(name: string, password: string, remember: boolean): Promise<void> {
    this.become(await this.api.signIn({ name, password, remember }));
  }

  async signOut(): Promise<void> {
    await this.api.signOut();
    this.become(null);
  }

  async setDefaultTier(tier: Tier): Promise<void> {
    this.become((await this.api.setDefaultTier(tier)).person);
  }

  async remove(password: string | null): Promise<void> {
    await this.api.deleteMe(password);
    this.become(null);
  }

  /** The login has ended without our doing. */
  expired(): void {
    if (this.person) this.become(null);
  }

  private async ask(): Promise<void> {
    try {
      this.me = await this.api.me();
      this.trouble = null;
    } catch (error) {
      this.trouble = error instanceof ApiError ? error : new ApiError(0, 'unexpected', '');
    }
    this.changed();
  }

  private async welcome(): Promise<void> {
    if (!this.me) await this.load();
    if (this.person) return;
    if (!this.me?.guests) throw new CallError(signInFirst());
    this.become(await this.api.guest());
  }

  private become(person: Person | null): void {
    if (this.me) this.me = { ...this.me, person };
    this.changed();
  }
}

/** Why signing in or up did not work, at the field that it is about. */
export function refused(error: unknown, minimum: number, now = Date.now()): { field: 'name' | 'password' | 'invite' | null; text: string } {
  const wait = error instanceof ApiError ? tryAgain(error.retryAfter, now) : '';
  switch (codeOf(error)) {
    case 'wrong_credentials':
      return { field: 'password', text: 'Name and password do not belong together.' };
    case 'locked':
      return { field: null, text: `Too many wrong passwords. ${wait}` };
    case 'busy':
    case 'rate_limit_exceeded':
      return { field: null, text: `The server is busy. ${wait}` };
    case 'name_taken':
      return { field: 'name', text: 'Somebody has this name already. Choose another one.' };
    case 'invalid_name':
      return { field: 'name', text: messageOf(error) || 'This cannot be a name. Letters, digits, dots and dashes can.' };
    case 'weak_password':
      return { field: 'password', text: messageOf(error) || `Choose a longer password: at least ${minimum} characters, nothing common.` };
    case 'sign_up_closed':
      return { field: null, text: 'New accounts are made by whoever runs this server.' };
    case 'invite_needed':
      return { field: 'invite', text: 'This server asks for an invitation.' };
    case 'invalid_invite':
      return { field: 'invite', text: 'This invitation is not valid, or was used already.' };
    case 'unreachable':
      return { field: null, text: 'The server does not answer. Check the connection, then try again.' };
    default:
      return { field: null, text: messageOf(error) || 'That did not work. Try again.' };
  }
}

/** Why nothing can be kept while the server does not know people. */
export function peopleTrouble(error: ApiError): Problem {
  if (error.status === 404 || error.code === 'unexpected') {
    return { code: 'no-people', title: 'This server keeps no conversations', advice: 'You can call all the same.' };
  }
  return error.code === 'unreachable'
    ? { code: 'server-unreachable', title: 'The server does not answer', advice: 'Check that it is running, then reload the page.' }
    : { code: 'people-trouble', title: 'The server cannot look after conversations now', advice: 'You can call, and try again later.' };
}

export function messageOf(error: unknown): string {
  return error instanceof ApiError ? sentence(error.message) : '';
}
