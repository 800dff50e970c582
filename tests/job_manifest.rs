//! `docs/explore-job.yaml` is a Job that a cluster would take: read as the API of `batch/v1` has it, and strictly. A key that is
//! not known, a number that is no text, and a volume that nobody mounts are refused here and not by the cluster. Only what the
//! manifest uses is known: to use more of the API, add it. Its shell text is run by `harness/tests/scale_out.rs`.

#![expect(clippy::unwrap_used, reason = "a test: what fails here shall end it, also in its helpers")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use conformance::containers::workspace;
use regex::Regex;
use rollback_harness::explore::space::FAULTS_MAX;
use serde::Deserialize;

/// Set in each container of an Indexed Job by the Job controller.
const INDEX: &str = "JOB_COMPLETION_INDEX";

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Job {
    api_version: String,
    kind: String,
    metadata: Named,
    spec: JobSpec,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    name: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct JobSpec {
    completion_mode: CompletionMode,
    completions: u32,
    parallelism: u32,
    #[serde(rename = "backoffLimitPerIndex")]
    _backoff_limit_per_index: u32,
    template: PodTemplate,
}

#[derive(Debug, PartialEq, Deserialize)]
enum CompletionMode {
    NonIndexed,
    Indexed,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PodTemplate {
    spec: PodSpec,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PodSpec {
    restart_policy: RestartPolicy,
    #[serde(rename = "automountServiceAccountToken")]
    _automount_service_account_token: bool,
    security_context: PodSecurityContext,
    containers: Vec<Container>,
    volumes: Vec<Volume>,
}

/// A Job's pods may not have `Always`.
#[derive(Debug, PartialEq, Deserialize)]
enum RestartPolicy {
    OnFailure,
    Never,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PodSecurityContext {
    run_as_non_root: bool,
    run_as_user: u32,
    #[serde(rename = "fsGroup")]
    _fs_group: u32,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Container {
    name: String,
    image: String,
    env: Vec<EnvVar>,
    command: Vec<String>,
    args: Vec<String>,
    resources: Resources,
    volume_mounts: Vec<VolumeMount>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct EnvVar {
    name: String,
    value: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Resources {
    requests: BTreeMap<Resource, String>,
    limits: BTreeMap<Resource, String>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Resource {
    Cpu,
    Memory,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct VolumeMount {
    name: String,
    mount_path: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Volume {
    name: String,
    persistent_volume_claim: Claim,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Claim {
    claim_name: String,
}

/// All that is wrong with a manifest.
fn wrong(manifest: &str) -> Vec<String> {
    // What a cluster takes for a number or a truth value is none of our texts, and needs quotes.
    let strict = serde_saphyr::options! { no_schema: true, strict_booleans: true };
    match serde_saphyr::from_str_with_options::<Job>(manifest, strict) {
        Ok(job) => [of_job(&job), of_pod(&job.spec), of_use(&job.spec)].concat(),
        Err(error) => vec![error.to_string()],
    }
}

/// What the API server asks of a Job beside its shape.
fn of_job(job: &Job) -> Vec<String> {
    let Job { api_version, kind, metadata, spec } = job;
    let pod = &spec.template.spec;
    let never = pod.restart_policy == RestartPolicy::Never;
    let indexed = spec.completion_mode == CompletionMode::Indexed;
    told([
        ((api_version.as_str(), kind.as_str()) != ("batch/v1", "Job"), "it is no Job of batch/v1"),
        (!is_name(&metadata.name), "metadata.name is no DNS label"),
        (!indexed, "without completionMode Indexed no pod has an index"),
        (!never, "backoffLimitPerIndex wants restartPolicy Never"),
        (spec.completions == 0 || spec.completions > 100_000, "completions: 1 to 100000 with backoffLimitPerIndex"),
        (spec.parallelism == 0, "parallelism 0 begins nothing"),
        (spec.parallelism > spec.completions, "more pods at a time than completions"),
    ])
}

/// Names, volumes, users and quantities.
fn of_pod(spec: &JobSpec) -> Vec<String> {
    let pod = &spec.template.spec;
    let user = &pod.security_context;
    let mut wrong = told([
        (pod.containers.is_empty(), "no container"),
        (user.run_as_non_root && user.run_as_user == 0, "runAsNonRoot, and the user is root"),
        (again(pod.containers.iter().map(|it| &it.name)), "two containers of one name"),
        (again(pod.volumes.iter().map(|it| &it.name)), "two volumes of one name"),
        (pod.volumes.iter().any(|it| !is_name(&it.persistent_volume_claim.claim_name)), "claimName is no name"),
    ]);
    let volumes: BTreeSet<&str> = pod.volumes.iter().map(|volume| volume.name.as_str()).collect();
    let mounts = || pod.containers.iter().flat_map(|container| &container.volume_mounts);
    let mounted: BTreeSet<&str> = mounts().map(|mount| mount.name.as_str()).collect();
    wrong.extend(mounted.difference(&volumes).map(|name| format!("`{name}` is mounted and is no volume")));
    wrong.extend(volumes.difference(&mounted).map(|name| format!("volume `{name}` is mounted nowhere")));
    let identifier = Regex::new("^[A-Za-z_][A-Za-z0-9_]*$").unwrap();
    let quantity = Regex::new("^([0-9]+)(m|Ki|Mi|Gi|)$").unwrap();
    for container in &pod.containers {
        let Container { name, image, env, resources, volume_mounts, .. } = container;
        let Resources { requests, limits } = resources;
        let unnamed = |it: &&EnvVar| !identifier.is_match(&it.name) || it.name == INDEX;
        let amounts = || requests.values().chain(limits.values());
        let bytes = |of: &BTreeMap<Resource, String>| of.get(&Resource::Memory).and_then(|text| bytes(&quantity, text));
        wrong.extend(told([
            (!is_name(name), "a container's name is no DNS label"),
            (image.trim().is_empty(), "no image"),
            (env.iter().find(unnamed).is_some(), "a variable's name is no identifier, or is the Job's own"),
            (again(env.iter().map(|it| &it.name)), "a variable twice"),
            (again(volume_mounts.iter().map(|it| &it.mount_path)), "two volumes at one path"),
            (volume_mounts.iter().any(|it| !it.mount_path.starts_with('/')), "mountPath is not absolute"),
            (amounts().any(|text| !quantity.is_match(text)), "a quantity that is none"),
            (
                bytes(requests).zip(bytes(limits)).is_some_and(|(asked, most)| asked > most),
                "more asked for than limited",
            ),
        ]));
    }
    wrong
}

/// That the shell text has what it uses, and that parts and volume are those of the Job.
fn of_use(spec: &JobSpec) -> Vec<String> {
    let pod = &spec.template.spec;
    let [container] = pod.containers.as_slice() else { return vec!["looked for one container".to_owned()] };
    let env: BTreeMap<&str, &str> = container.env.iter().map(|it| (it.name.as_str(), it.value.as_str())).collect();
    let is = |name: &str, value: &str| env.get(name).is_some_and(|given| *given == value);
    let faults = env.get("FAULTS").and_then(|faults| faults.parse::<usize>().ok());
    let out = container.volume_mounts.iter().any(|mount| is("OUT", &mount.mount_path));
    let space = env.get("SPACE").is_some_and(|space| workspace().join(space).is_file());
    let mut wrong = told([
        (container.command != ["/bin/sh", "-c"] || container.args.len() != 1, "looked for one text for /bin/sh -c"),
        (!is("PARTS", &spec.completions.to_string()), "PARTS is not the number of completions"),
        (faults.is_none_or(|faults| faults > FAULTS_MAX), "FAULTS is no number of faults"),
        (!out, "OUT is not on the volume"),
        (!space, "SPACE is no file of the checkout"),
    ]);
    let text = container.args.concat();
    let set = Regex::new(r"(?m)(?:^|[\s;])([A-Za-z_]+)=").unwrap();
    let set: BTreeSet<&str> = set.captures_iter(&text).map(|found| found.get(1).unwrap().as_str()).collect();
    let used = Regex::new(r"\$\{?([A-Za-z_]+)").unwrap();
    let used: BTreeSet<&str> = used.captures_iter(&text).map(|found| found.get(1).unwrap().as_str()).collect();
    let is_set = |name: &&&str| **name == INDEX || set.contains(**name) || env.contains_key(**name);
    wrong.extend(used.iter().filter(|name| !is_set(name)).map(|name| format!("`{name}` is used and set nowhere")));
    let unused = env.keys().filter(|name| !used.contains(**name));
    wrong.extend(unused.map(|name| format!("`{name}` is set and used nowhere")));
    wrong
}

fn told<const N: usize>(all: [(bool, &str); N]) -> Vec<String> {
    all.into_iter().filter(|(is_wrong, _)| *is_wrong).map(|(_, what)| what.to_owned()).collect()
}

/// A DNS label (RFC 1123), as names of objects, containers and volumes have to be.
fn is_name(name: &str) -> bool {
    let plain = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    plain && !name.is_empty() && name.len() <= 63 && !name.starts_with('-') && !name.ends_with('-')
}

/// Whether one of them is there again.
fn again<'t>(names: impl Iterator<Item = &'t String>) -> bool {
    let mut seen = BTreeSet::new();
    names.into_iter().any(|name| !seen.insert(name))
}

fn bytes(quantity: &Regex, text: &str) -> Option<u64> {
    let parts = quantity.captures(text)?;
    let number: u64 = parts.get(1)?.as_str().parse().ok()?;
    let unit = [("", 1), ("Ki", 1 << 10), ("Mi", 1 << 20), ("Gi", 1 << 30)];
    unit.iter()
        .find(|(name, _)| parts.get(2).is_some_and(|found| found.as_str() == *name))
        .map(|(_, unit)| number * unit)
}

#[test]
fn the_manifest_is_a_job_that_a_cluster_takes() {
    let manifest = fs::read_to_string(workspace().join("docs/explore-job.yaml")).unwrap();
    assert_eq!(wrong(&manifest), Vec::<String>::new());
    for (from, to, said) in [
        ("batch/v1", "batch/v1beta1", "no Job of batch/v1"),
        ("kind: Job", "kind: CronJob", "no Job of batch/v1"),
        ("  name: explore\n", "  name: Explore\n", "metadata.name is no DNS label"),
        ("completions:", "completion:", "unknown field `completion`"),
        ("  parallelism: 8\n", "", "missing field `parallelism`"),
        ("Indexed\n", "indexed\n", "unknown variant `indexed`"),
        ("Indexed\n", "NonIndexed\n", "no pod has an index"),
        ("completions: 8", "completions: 9", "PARTS is not the number of completions"),
        ("completions: 8", "completions: 0", "completions: 1 to 100000"),
        ("completions: 8", "completions: eight", "invalid"),
        ("parallelism: 8", "parallelism: 9", "more pods at a time"),
        ("parallelism: 8", "parallelism: 8\n  parallelism: 4", "duplicate"),
        ("Never", "Always", "unknown variant `Always`"),
        ("Never", "OnFailure", "wants restartPolicy Never"),
        ("      containers:", "      container:", "unknown field `container`"),
        ("runAsUser: 65532", "runAsUser: 0", "the user is root"),
        ("runAsNonRoot: true", "runAsNonRoot: yes", "invalid"),
        ("value: \"8\"", "value: 8", "must be quoted"),
        ("value: \"8\"", "value: \"4\"", "PARTS is not the number of completions"),
        ("value: \"3\"", "value: \"7\"", "FAULTS is no number of faults"),
        ("name: FAULTS", "name: JOB_COMPLETION_INDEX", "is the Job's own"),
        ("name: FAULTS", "name: FAULTS-MOST", "is no identifier"),
        ("name: FAULTS", "name: MOST", "`FAULTS` is used and set nowhere"),
        (
            "{ name: FAULTS,",
            "{ name: MORE, value: x }\n            - { name: FAULTS,",
            "`MORE` is set and used nowhere",
        ),
        ("space.toml", "spaces.toml", "SPACE is no file of the checkout"),
        ("value: /results", "value: /result", "OUT is not on the volume"),
        ("mountPath: /results", "mountPath: results", "mountPath is not absolute"),
        ("volumeMounts:\n            - { name: results", "volumeMounts:\n            - { name: result", "is no volume"),
        ("        - name: results\n", "        - name: other\n", "volume `other` is mounted nowhere"),
        ("claimName", "claim", "unknown field `claim`"),
        ("claimName: explore-results", "claimName: explore_results", "claimName is no name"),
        ("cpu: \"2\"", "cores: \"2\"", "unknown variant `cores`"),
        ("cpu: \"2\"", "cpu: two", "a quantity that is none"),
        ("limits: { memory: 512Mi }", "limits: { memory: 128Mi }", "more asked for than limited"),
        ("\"-c\"]", "\"-ec\"]", "one text for /bin/sh -c"),
    ] {
        let changed = manifest.replacen(from, to, 1);
        assert_ne!(changed, manifest, "{from}");
        let wrong = wrong(&changed);
        assert!(wrong.iter().any(|what| what.contains(said)), "{from} -> {to}: looked for {said:?}: {wrong:#?}");
    }
}
