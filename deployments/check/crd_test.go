package check

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// The types below are the fields of three custom resources that the chart uses, as their definitions have them. The modules
// that hold the whole types need controller-runtime and Knative to compile, for minutes; a field more in the chart wants a
// line here, copied from the resource's definition.

// scaledObject is KEDA's, of keda.sh/v1alpha1 (KEDA 2.21).
type scaledObject struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Spec              scaledObjectSpec `json:"spec"`
}

type scaledObjectSpec struct {
	ScaleTargetRef  scaleTarget    `json:"scaleTargetRef"`
	PollingInterval *int32         `json:"pollingInterval,omitempty"`
	CooldownPeriod  *int32         `json:"cooldownPeriod,omitempty"`
	MinReplicaCount *int32         `json:"minReplicaCount,omitempty"`
	MaxReplicaCount *int32         `json:"maxReplicaCount,omitempty"`
	Advanced        scaleAdvanced  `json:"advanced"`
	Triggers        []scaleTrigger `json:"triggers"`
	Fallback        scaleFallback  `json:"fallback"`
}

type scaleTarget struct {
	Name       string `json:"name"`
	APIVersion string `json:"apiVersion,omitempty"`
	Kind       string `json:"kind,omitempty"`
}

type scaleAdvanced struct {
	ScalingModifiers struct {
		Formula    string `json:"formula,omitempty"`
		Target     string `json:"target,omitempty"`
		MetricType string `json:"metricType,omitempty"`
	} `json:"scalingModifiers"`
}

type scaleTrigger struct {
	Type     string            `json:"type"`
	Name     string            `json:"name,omitempty"`
	Metadata map[string]string `json:"metadata"`
}

type scaleFallback struct {
	FailureThreshold int32  `json:"failureThreshold"`
	Replicas         int32  `json:"replicas"`
	Behavior         string `json:"behavior,omitempty"`
}

// serviceMonitor is Prometheus Operator's, of monitoring.coreos.com/v1.
type serviceMonitor struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Spec              struct {
		Selector  metav1.LabelSelector `json:"selector"`
		Endpoints []struct {
			Port     string `json:"port,omitempty"`
			Path     string `json:"path,omitempty"`
			Interval string `json:"interval,omitempty"`
			Relabel  []struct {
				TargetLabel string `json:"targetLabel,omitempty"`
				Replacement string `json:"replacement,omitempty"`
			} `json:"relabelings,omitempty"`
		} `json:"endpoints"`
	} `json:"spec"`
}

// prometheusRule is Prometheus Operator's, of monitoring.coreos.com/v1.
type prometheusRule struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Spec              ruleGroups `json:"spec"`
}

type ruleGroups struct {
	Groups []struct {
		Name     string            `json:"name"`
		Labels   map[string]string `json:"labels,omitempty"`
		Interval string            `json:"interval,omitempty"`
		Limit    *int              `json:"limit,omitempty"`
		Rules    []struct {
			Record        string            `json:"record,omitempty"`
			Alert         string            `json:"alert,omitempty"`
			Expr          any               `json:"expr"`
			For           string            `json:"for,omitempty"`
			KeepFiringFor string            `json:"keep_firing_for,omitempty"`
			Labels        map[string]string `json:"labels,omitempty"`
			Annotations   map[string]string `json:"annotations,omitempty"`
		} `json:"rules,omitempty"`
	} `json:"groups,omitempty"`
}
