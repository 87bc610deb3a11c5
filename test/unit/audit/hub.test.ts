import { expect } from "chai";
import { LogHub } from "../../../src/audit/hub.js";

/** A follower that takes `capacity` lines. */
function follower(capacity = Number.POSITIVE_INFINITY) {
  const lines: string[] = [];
  const ends: (string | undefined)[] = [];
  return {
    lines,
    ends,
    line: (line: string): boolean => lines.length < capacity && lines.push(line) > 0,
    end: (note?: string): void => void ends.push(note),
  };
}

describe("LogHub", () => {
  it("gives every follower every line from when it came", () => {
    const hub = new LogHub();
    const [early, late] = [follower(), follower()];
    hub.publish("a\n");
    hub.subscribe(early);
    hub.publish("b\n");
    hub.subscribe(late);
    hub.publish("c\n");
    expect(early.lines).to.deep.equal(["b\n", "c\n"]);
    expect(late.lines).to.deep.equal(["c\n"]);
  });

  it("drops a follower that is too slow, with a note, and no other", () => {
    const hub = new LogHub();
    const [slow, quick] = [follower(2), follower()];
    hub.subscribe(slow);
    hub.subscribe(quick);
    for (let i = 0; i < 5; i++) hub.publish(`${i}\n`);
    expect(slow.lines).to.deep.equal(["0\n", "1\n"]);
    expect(slow.ends).to.have.length(1);
    expect(slow.ends[0]).to.match(/^too slow/);
    expect(quick.lines).to.have.length(5);
    expect(quick.ends).to.deep.equal([]);
  });

  it("is followed while somebody listens", () => {
    const hub = new LogHub();
    expect(hub.followed).to.equal(false);
    const leave = hub.subscribe(follower());
    expect(hub.followed).to.equal(true);
    leave?.();
    leave?.();
    expect(hub.followed).to.equal(false);
  });

  it("S16 #15: counts events, not deliveries", () => {
    const hub = new LogHub();
    hub.publish("a\n");
    hub.count();
    hub.subscribe(follower());
    hub.subscribe(follower());
    hub.publish("b\n");
    expect(hub.events).to.equal(3);
  });

  it("ends every stream at shutdown, without a note", () => {
    const hub = new LogHub();
    const both = [follower(), follower()];
    for (const each of both) hub.subscribe(each);
    hub.close();
    hub.close();
    for (const each of both) expect(each.ends).to.deep.equal([undefined]);
    expect(hub.followed).to.equal(false);
  });

  it("takes 256 followers and no more, until one leaves", () => {
    const hub = new LogHub();
    const leaves = Array.from({ length: 256 }, () => hub.subscribe(follower()));
    expect(leaves.every((leave) => leave !== undefined)).to.equal(true);
    expect(hub.subscribe(follower())).to.equal(undefined);
    leaves[0]?.();
    expect(hub.subscribe(follower())).not.to.equal(undefined);
  });

  describe("with a relay to other processes", () => {
    function relayed() {
      const sent: string[] = [];
      const follows: boolean[] = [];
      const relay = {
        followed: false,
        publish: (line: string): void => void sent.push(line),
        follow: async (followed: boolean): Promise<void> => void follows.push(followed),
      };
      return { hub: new LogHub(relay), relay, sent, follows };
    }

    it("sends lines that somebody follows anywhere by the relay alone, and counts them once", () => {
      const { hub, relay, sent } = relayed();
      const here = follower();
      hub.publish("nobody\n");
      relay.followed = true;
      hub.publish("elsewhere\n");
      relay.followed = false;
      hub.subscribe(here);
      hub.publish("here\n");
      expect(sent).to.deep.equal(["elsewhere\n", "here\n"]);
      expect(here.lines).to.deep.equal([]);
      hub.deliver("here\n");
      expect(here.lines).to.deep.equal(["here\n"]);
      expect(hub.events).to.equal(3);
    });

    it("tells of the first follower and of the end of the last, once", async () => {
      const { hub, follows } = relayed();
      expect(hub.reached).to.equal(undefined);
      const first = hub.subscribe(follower());
      const second = hub.subscribe(follower());
      await hub.reached;
      first?.();
      first?.();
      expect(follows).to.deep.equal([true]);
      second?.();
      expect(follows).to.deep.equal([true, false]);
      hub.subscribe(follower(0));
      hub.deliver("too much\n");
      expect(follows).to.deep.equal([true, false, true, false]);
    });
  });
});
