import type { AnswerFrame, TopicFrame } from "./frames.ts";
import { closedError } from "./errors.ts";

/** Who follows a topic on a connection. */
export interface TopicFollower {
  readonly topic: string;
  /** A new socket is there: subscribe. Settles when that is answered; never rejects. */
  onSocket(): Promise<void>;
  /** The last socket is gone. */
  onLost(): void;
  onFrame(frame: TopicFrame): void;
}

/** Sends one frame on the present socket; rejects with DISCONNECTED where there is none. */
type Request = (action: string, fields: Readonly<Record<string, unknown>>, signal?: AbortSignal) => Promise<AnswerFrame>;

interface Topic {
  readonly followers: Set<TopicFollower>;
  /** Settles when the last frame about this topic has its answer: the server may handle two in any order. */
  tail: Promise<unknown>;
}

/** Who follows which topic, and the frames about each topic one after the other. */
export class Topics {
  readonly #topics = new Map<string, Topic>();
  readonly #request: Request;
  readonly #onEmpty: () => void;

  /** `onEmpty` is called when the last topic has gone. */
  constructor(request: Request, onEmpty: () => void) {
    this.#request = request;
    this.#onEmpty = onEmpty;
  }

  get size(): number {
    return this.#topics.size;
  }

  followers(): TopicFollower[] {
    return [...this.#topics.values()].flatMap((topic) => [...topic.followers]);
  }

  deliver(frame: TopicFrame): void {
    for (const follower of [...(this.#topics.get(frame.topic)?.followers ?? [])]) follower.onFrame(frame);
  }

  add(follower: TopicFollower): void {
    const topic = this.#topics.get(follower.topic) ?? { followers: new Set(), tail: Promise.resolve() };
    topic.followers.add(follower);
    this.#topics.set(follower.topic, topic);
  }

  /** Removes a follower; the last one of a topic takes the subscription with it, if there is one. */
  remove(follower: TopicFollower, subscribed: boolean): void {
    const topic = this.#topics.get(follower.topic);
    if (topic === undefined || !topic.followers.delete(follower) || topic.followers.size > 0) return;
    const forget = () => {
      if (topic.followers.size === 0 && this.#topics.get(follower.topic) === topic) this.#topics.delete(follower.topic);
      if (this.#topics.size === 0) this.#onEmpty();
    };
    if (!subscribed) {
      forget();
      return;
    }
    topic.tail = topic.tail.then(async () => {
      // By then another follower may have come.
      if (topic.followers.size === 0) await this.#request("unsubscribe", { topic: follower.topic });
    }).catch(() => {
      // A lost socket takes its subscriptions with it, a refusal means that there was none.
    }).finally(forget);
  }

  /** Sends a subscribe frame when the topic's earlier frames are answered. */
  subscribe(name: string, from: number | undefined, signal: AbortSignal): Promise<AnswerFrame> {
    const topic = this.#topics.get(name);
    if (topic === undefined) return Promise.reject(closedError(`the topic ${name}`));
    const answer = topic.tail.then(() => {
      signal.throwIfAborted();
      return this.#request("subscribe", { topic: name, from }, signal);
    });
    topic.tail = answer.catch(() => {}); // The caller gets the error; the queue only needs the end.
    return answer;
  }
}
