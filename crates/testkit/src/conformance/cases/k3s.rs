//! Stopping k3s and removing its data.

use model::{
    facts::Init,
    op::HostOp,
    reply::FailureKind::{Conflict, Missing},
};

use super::{Case, Expect, Given, Step, Then, World, case, claimed, ensure, file, put};

const MEMBER: &str = "/var/lib/rancher/k3s/server/db/etcd/member/wal/0.wal";
const VOLUME: &str = "/var/lib/rancher/k3s/storage/pvc-1/data";

pub(super) fn cases(world: &World) -> Vec<Case> {
    let kill = || Step::new(HostOp::KillK3s);
    let remove = |volumes| Step::new(HostOp::RemoveK3s { volumes });
    let running = |active| Given::Service { name: "k3s", enabled: true, active };
    let script = match world.init {
        Init::Systemd => "#!/bin/sh\nsystemctl stop k3s\n",
        Init::Openrc => "#!/bin/sh\nrc-service k3s stop\n",
    };
    let killall = Given::File { path: "/usr/local/bin/k3s-killall.sh", mode: 0o755, text: script.to_owned() };
    let ours =
        Given::Done(put(world, "/etc/rancher/k3s/config.yaml.d/50-coracle.yaml", 0o600, "ours").owned());
    let data = || {
        [
            file(MEMBER, "x"),
            file(VOLUME, "precious"),
            file("/var/lib/kubelet/pods/x/y", "x"),
            file("/etc/rancher/node/password", "x"),
            file("/etc/rancher/k3s/k3s.yaml", "x"),
        ]
    };
    let gone = || {
        [
            Then::Absent(MEMBER),
            Then::Absent("/var/lib/kubelet"),
            Then::Absent("/etc/rancher/node"),
            Then::Absent("/etc/rancher/k3s/k3s.yaml"),
            Then::Facts(|facts| ensure(!facts.stable.k3s.data.has_datastore(), "no datastore")),
        ]
    };
    vec![
        case("k3s is stopped by its own script", kill(), Expect::Changed)
            .before([running(true), killall])
            .after([Then::Service("k3s", true, false, None)]),
        case("where nothing of k3s works there is nothing to stop", kill(), Expect::Unchanged)
            .before([running(false)]),
        case("without the script a running k3s cannot be stopped", kill(), Expect::Failed(Missing))
            .before([running(true)])
            .after([Then::Service("k3s", true, true, None)]),
        case("the data of k3s goes, volumes stay", remove(false), Expect::Changed)
            .before(data())
            .after(gone())
            .after([Then::File(VOLUME, 0o644, "precious")]),
        case("the data of k3s goes, volumes too", remove(true), Expect::Changed)
            .before(data())
            .after(gone())
            .after([Then::Absent(VOLUME)]),
        case("what coracle owns goes by its own step", remove(true), Expect::Changed)
            .before([claimed(), ours])
            .before(data())
            .after(gone())
            .after([Then::File("/etc/rancher/k3s/config.yaml.d/50-coracle.yaml", 0o600, "ours")]),
        case("the user's own configuration stays", remove(true), Expect::Changed)
            .before(data())
            .before([file("/etc/rancher/k3s/registries.yaml", "theirs")])
            .before([file("/etc/rancher/k3s/config.yaml.d/10-theirs.yaml", "theirs")])
            .after(gone())
            .after([
                Then::File("/etc/rancher/k3s/registries.yaml", 0o644, "theirs"),
                Then::File("/etc/rancher/k3s/config.yaml.d/10-theirs.yaml", 0o644, "theirs"),
            ]),
        case("data that is in use is not removed", remove(true), Expect::Failed(Conflict))
            .before([running(true)])
            .before(data())
            .after([Then::File(MEMBER, 0o644, "x")]),
        case("where no data is there is nothing to remove", remove(true), Expect::Unchanged),
    ]
}
