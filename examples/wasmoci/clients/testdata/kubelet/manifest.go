package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"reflect"
	"strings"

	core "k8s.io/api/core/v1"
	node "k8s.io/api/node/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
	"sigs.k8s.io/yaml"
)

// eachPod reads manifests, and calls do with each pod in them and the handler of its runtime class.
func (k kubelet) eachPod(ctx context.Context, files []string, do func(context.Context, *core.Pod, string) error) error {
	handlers := map[string]string{"": ""}
	var pods []*core.Pod
	for _, name := range files {
		content, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		for _, document := range bytes.Split(content, []byte("\n---\n")) {
			var kind meta.TypeMeta
			if err := yaml.Unmarshal(document, &kind); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			switch kind.APIVersion + " " + kind.Kind {
			case "node.k8s.io/v1 RuntimeClass":
				var class node.RuntimeClass
				if err := yaml.UnmarshalStrict(document, &class); err != nil {
					return fmt.Errorf("%s: %w", name, err)
				}
				handlers[class.Name] = class.Handler
			case "v1 Pod":
				pod := &core.Pod{}
				if err := yaml.UnmarshalStrict(document, pod); err != nil {
					return fmt.Errorf("%s: %w", name, err)
				}
				pods = append(pods, pod)
			default:
				return fmt.Errorf("%s: no manifest of a kind that is known here: %q", name, kind)
			}
		}
	}
	for _, pod := range pods {
		class := ""
		if pod.Spec.RuntimeClassName != nil {
			class = *pod.Spec.RuntimeClassName
		}
		handler, ok := handlers[class]
		if !ok {
			return fmt.Errorf("pod %s: there is no runtime class %q", pod.Name, class)
		}
		if err := honoured(pod); err != nil {
			return fmt.Errorf("pod %s: %w", pod.Name, err)
		}
		if err := do(ctx, pod, handler); err != nil {
			return fmt.Errorf("pod %s: %w", pod.Name, err)
		}
	}
	return nil
}

// honoured refuses what sandbox and process do not look at.
func honoured(pod *core.Pod) error {
	rest := pod.Spec.DeepCopy()
	rest.RuntimeClassName, rest.HostNetwork, rest.ShareProcessNamespace, rest.RestartPolicy = nil, false, nil, ""
	rest.Containers, rest.Volumes, rest.TerminationGracePeriodSeconds = nil, nil, nil
	if !reflect.DeepEqual(*rest, core.PodSpec{}) {
		return fmt.Errorf("fields that are not honoured here: %+v", *rest)
	}
	for _, v := range pod.Spec.Volumes {
		if v.EmptyDir == nil && v.HostPath == nil {
			return fmt.Errorf("volume %s: of a kind that is not honoured here", v.Name)
		}
	}
	for _, c := range pod.Spec.Containers {
		rest := c.DeepCopy()
		rest.Name, rest.Image, rest.ImagePullPolicy, rest.Command, rest.Args, rest.WorkingDir, rest.Env = "", "", "", nil, nil, "", nil
		rest.Resources.Limits, rest.VolumeMounts, rest.LivenessProbe, rest.ReadinessProbe, rest.SecurityContext, rest.TTY, rest.Stdin, rest.StdinOnce = nil, nil, nil, nil, nil, false, false, false
		if !reflect.DeepEqual(*rest, core.Container{}) {
			return fmt.Errorf("container %s: fields that are not honoured here: %+v", c.Name, *rest)
		}
		if s := c.SecurityContext; s != nil && (!reflect.DeepEqual(core.SecurityContext{RunAsUser: s.RunAsUser, ReadOnlyRootFilesystem: s.ReadOnlyRootFilesystem}, *s)) {
			return fmt.Errorf("container %s: security context: more than is honoured here: %+v", c.Name, *s)
		}
	}
	return nil
}

// sandbox is what the runtime is told of a pod.
func sandbox(pod *core.Pod) *cri.PodSandboxConfig {
	uid, hostname := uidOf(pod.Name), pod.Name
	if pod.Spec.HostNetwork {
		hostname = ""
	}
	return &cri.PodSandboxConfig{
		Metadata:     &cri.PodSandboxMetadata{Name: pod.Name, Uid: uid, Namespace: "default"},
		Hostname:     hostname,
		LogDirectory: logs(pod.Name),
		Labels:       map[string]string{labelPod: pod.Name, "io.kubernetes.pod.namespace": "default", "io.kubernetes.pod.uid": uid},
		Annotations:  pod.Annotations,
		Linux: &cri.LinuxPodSandboxConfig{
			CgroupParent: groupOf(pod.Name),
			SecurityContext: &cri.LinuxSandboxSecurityContext{
				NamespaceOptions: namespaces(pod), Seccomp: &cri.SecurityProfile{ProfileType: cri.SecurityProfile_RuntimeDefault},
			},
		},
	}
}

func uidOf(pod string) string   { return "uid-of-" + pod }
func logs(pod string) string    { return "/var/log/pods/default_" + pod + "_" + uidOf(pod) }
func groupOf(pod string) string { return "/kubepods/besteffort/pod" + uidOf(pod) }

func namespaces(pod *core.Pod) *cri.NamespaceOption {
	o := &cri.NamespaceOption{Pid: cri.NamespaceMode_CONTAINER}
	if pod.Spec.HostNetwork {
		o.Network = cri.NamespaceMode_NODE
	}
	if s := pod.Spec.ShareProcessNamespace; s != nil && *s {
		o.Pid = cri.NamespaceMode_POD
	}
	return o
}

// process is what the runtime is told of a container.
func process(pod *core.Pod, c *core.Container, volumes map[string]string) *cri.ContainerConfig {
	config := &cri.ContainerConfig{
		Metadata:    &cri.ContainerMetadata{Name: c.Name},
		Image:       &cri.ImageSpec{Image: c.Image},
		Command:     c.Command,
		Args:        c.Args,
		WorkingDir:  c.WorkingDir,
		Labels:      map[string]string{labelPod: pod.Name, labelContainer: c.Name},
		Annotations: map[string]string{"io.kubernetes.container.restartCount": "0"},
		LogPath:     c.Name + "/0.log",
		Stdin:       c.Stdin,
		StdinOnce:   c.StdinOnce,
		Tty:         c.TTY,
		Linux: &cri.LinuxContainerConfig{
			Resources: &cri.LinuxContainerResources{CpuShares: 2, OomScoreAdj: 1000},
			SecurityContext: &cri.LinuxContainerSecurityContext{
				NamespaceOptions: namespaces(pod), Seccomp: &cri.SecurityProfile{ProfileType: cri.SecurityProfile_RuntimeDefault},
			},
		},
	}
	for key, value := range pod.Annotations { // the kubelet has a container's own from device plugins
		if key, ok := strings.CutPrefix(key, "containers.kubelet/"+c.Name+"_"); ok {
			config.Annotations[strings.ReplaceAll(key, "_", "/")] = value
		}
	}
	for _, e := range c.Env {
		config.Envs = append(config.Envs, &cri.KeyValue{Key: e.Name, Value: e.Value})
	}
	for _, m := range c.VolumeMounts {
		config.Mounts = append(config.Mounts, &cri.Mount{ContainerPath: m.MountPath, HostPath: volumes[m.Name], Readonly: m.ReadOnly})
	}
	if limit, ok := c.Resources.Limits[core.ResourceMemory]; ok {
		config.Linux.Resources.MemoryLimitInBytes = limit.Value()
	}
	if limit, ok := c.Resources.Limits[core.ResourceCPU]; ok {
		config.Linux.Resources.CpuPeriod, config.Linux.Resources.CpuQuota = 100_000, limit.MilliValue()*100
	}
	if s := c.SecurityContext; s != nil {
		if s.RunAsUser != nil {
			config.Linux.SecurityContext.RunAsUser = &cri.Int64Value{Value: *s.RunAsUser}
		}
		config.Linux.SecurityContext.ReadonlyRootfs = s.ReadOnlyRootFilesystem != nil && *s.ReadOnlyRootFilesystem
	}
	return config
}
